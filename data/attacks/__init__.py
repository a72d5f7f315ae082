"""Scripted attacks on a running scorer, each beside the same volume by honest clients.

`cast` makes clients and their past; the scripts of cards, accounts, refunds and merchants say who pays what and when;
`play` posts a script and counts what came through.
"""
