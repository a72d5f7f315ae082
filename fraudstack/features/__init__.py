"""What a model looks at: figures of a transaction that were known at its time, defined here and nowhere else.

Each is declared once, in `table`. Two memories hold all that is needed of the past, as whole numbers by calendar day
(UTC): one per client, and one per value, a merchant, a merchant category code, a state or a channel. A job folds whole
histories through them, a scorer keeps them. What a label says is known only a delay after its transaction: with whole
days, the features of day d read the labels of days up to d - delay - 1 (le Borgne et al. 2022, Reproducible Machine
Learning for Credit Card Fraud Detection, chapter 3). Where there is nothing to tell, a feature is NaN.
"""

DAY = 24 * 3600
# Whole days that a label takes, unless somebody says otherwise.
LABEL_DELAY = 7
# Days that a memory keeps one by one: of 30 days with the longest delay.
KEPT_DAYS = 60
