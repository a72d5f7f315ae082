"""Charts of the clusters: how big, how much fraud, and by which habits they differ."""

from collections.abc import Sequence
from statistics import fmean, pstdev

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fraudstack.report import formats
from fraudstack.report.drawing import BLUE, ORANGE, Chart, count_ticks, draw, plain, short
from fraudstack.report.model import Cluster

# A mean so many standard deviations from the others is drawn in full colour.
_FULL_COLOUR = 2.0
_STRONGEST = 0.75
# Features in units of the currency; the others are counts, days and shares.
_MONEY = frozenset({"spend", "average", "spread"})


def sizes(clusters: Sequence[Cluster], no_clusters: str | None) -> Chart:
    """Clients and fraud rate of every cluster."""
    title = "Clusters of clients: size and fraud rate"
    if not clusters:
        return Chart("clusters", title, f"There are no clusters: {no_clusters}.")
    biggest = max(clusters, key=lambda cluster: cluster.clients)
    finding = f"Biggest: {_named(biggest)}, {formats.count(biggest.clients)} clients."
    known = [cluster for cluster in clusters if cluster.fraud_rate is not None]
    if known:
        worst = max(known, key=lambda cluster: cluster.fraud_rate or 0)
        finding += f" Highest fraud rate: {_named(worst)}, {formats.share(worst.fraud_rate)} of labelled."

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        places = range(len(clusters))
        clients = [cluster.clients for cluster in clusters]
        rates = [100 * (cluster.fraud_rate or 0) for cluster in clusters]
        for axes, colour, lengths, labels in (
            (left, BLUE, clients, [formats.count(number) for number in clients]),
            (right, ORANGE, rates, [formats.share(cluster.fraud_rate) for cluster in clusters]),
        ):
            axes.bar_label(axes.barh(places, lengths, height=0.68, color=colour), labels, padding=4)
            axes.set_xlim(0, 1.4 * (max(lengths) or 1))
            plain(axes, upright=False)
        count_ticks(left.xaxis)
        for axes in (left, right):
            axes.locator_params(axis="x", nbins=4)
        left.set_yticks(places, [short(_named(cluster)) for cluster in clusters])
        left.invert_yaxis()
        left.set_xlabel("clients")
        right.set_xlabel("fraud rate, % of labelled")

    return Chart(
        "clusters",
        title,
        finding,
        draw("clusters", f"{title}. {finding}", 0.9 + 0.32 * len(clusters), paint),
        ("cluster", "name", "clients", "transactions", "fraud rate"),
        [
            (
                str(cluster.cluster),
                formats.name(cluster.name),
                formats.count(cluster.clients),
                formats.count(cluster.transactions),
                formats.share(cluster.fraud_rate),
            )
            for cluster in clusters
        ],
        names=2,
    )


def features(clusters: Sequence[Cluster], currencies: Sequence[str]) -> Chart | None:
    """The habits of an average client of every cluster; None without clusters."""
    if not clusters:
        return None
    names = list(clusters[0].features)
    unit = currencies[0] if len(currencies) == 1 else "units of the currency"
    title = "What the clusters' clients have in common"
    finding = (
        "Means per client. Blue lies above the mean of all clusters, orange below; "
        "the stronger the colour, the further."
    )

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for row, name in enumerate(names):
            means = [cluster.features[name] for cluster in clusters]
            middle, spread = fmean(means), pstdev(means)
            for column, mean in enumerate(means):
                away = (mean - middle) / spread if spread else 0.0
                strength = _STRONGEST * min(abs(away) / _FULL_COLOUR, 1)
                colour = BLUE if away > 0 else ORANGE
                axes.add_patch(Rectangle((column, row), 0.96, 0.94, color=colour, alpha=strength, linewidth=0))
                axes.annotate(_value(name, mean), (column + 0.48, row + 0.47), ha="center", va="center", fontsize=8.5)
        axes.set_xlim(0, len(clusters))
        axes.set_ylim(len(names), 0)
        axes.set_xticks([n + 0.48 for n in range(len(clusters))], [str(c.cluster) for c in clusters])
        axes.set_yticks([n + 0.47 for n in range(len(names))], [_spoken(name, unit) for name in names])
        axes.set_xlabel("cluster")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return Chart(
        "features",
        title,
        finding,
        draw("features", f"{title}. {finding}", 0.7 + 0.29 * len(names), paint),
        ("mean per client", *(_named(cluster) for cluster in clusters)),
        [(_spoken(name, unit), *(_value(name, cluster.features[name]) for cluster in clusters)) for name in names],
    )


def _named(cluster: Cluster) -> str:
    return f"{cluster.cluster} {formats.name(cluster.name)}"


def _spoken(feature: str, unit: str) -> str:
    words = feature.replace("_", " ")
    return f"{words}, {unit}" if feature in _MONEY else words


def _value(feature: str, mean: float) -> str:
    if feature.endswith("_share"):
        return formats.share(mean)
    return f"{mean:,.0f}" if abs(mean) >= 100 else f"{mean:,.1f}"
