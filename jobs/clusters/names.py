"""A cluster's name says what sets its clients apart from all others."""

from collections.abc import Mapping, Sequence

# What a person calls clients far above and far below the rest in a feature.
_WORDS = {
    "spend": ("big spenders", "small spenders"),
    "average": ("large purchases", "small purchases"),
    "spread": ("uneven amounts", "even amounts"),
    "transaction_count": ("frequent", "rare"),
    "online_share": ("online", "in person"),
    "merchants": ("many merchants", "few merchants"),
    "night_share": ("by night", "by day"),
    "foreign_share": ("abroad", "at home"),
    "refund_share": ("many refunds", "few refunds"),
    "active_days": ("long-standing", "short-lived"),
}
# Below this many standard deviations from the mean nothing sets a cluster apart.
_NOTABLE = 0.25
_MOST_WORDS = 2


def name_clusters(centres: Sequence[Mapping[str, float]]) -> list[str]:
    """Names, each given once, for centres in standard deviations from the mean of all clients.

    A cluster takes its strongest traits; where two would share a name the later one takes another trait more.
    """
    names: list[str] = []
    for centre in centres:
        traits = [
            _WORDS[feature][0 if value > 0 else 1]
            for feature, value in sorted(centre.items(), key=lambda item: -abs(item[1]))
            if abs(value) >= _NOTABLE
        ]
        length = _MOST_WORDS
        name = ", ".join(traits[:length]) or "average clients"
        while name in names and length < len(traits):
            length += 1
            name = ", ".join(traits[:length])
        same = sum(taken == name or taken.startswith(f"{name} (") for taken in names)
        names.append(f"{name} ({same + 1})" if same else name)
    return names
