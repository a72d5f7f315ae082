"""The DAG model_refresh: what the labels know now becomes the model in force, if it is better than the one that is."""

from airflow.sdk import DAG, Param
from steps import in_order

from jobs import MODEL_REFRESH

with DAG(
    dag_id="model_refresh",
    description="What the labels know now becomes the model in force, if it is better",
    doc_md="""
Trains a model on the store's transactions and labels and puts it in force if it deserves it:

1. **train** makes a candidate of all labelled transactions up to `until`, in TX_MODEL_DIR.
2. **evaluate** holds it against the champion on its latest weeks, by a model that had not seen them.
3. **promote** makes it the champion if it is better by more than the noise; running scorers take it up within seconds.
4. **memories** remembers of every client and merchant what a model looks at, where that isn't kept already.

Without enough labels the run fails with one sentence, and the champion stays.
""",
    schedule=None,
    catchup=False,
    # A paused DAG would accept a trigger and never start it.
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack", "model"],
    params={
        "until": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Until",
            description="The last day that is learned from, YYYY-MM-DD; empty: the last that has labels",
        ),
    },
):
    in_order(MODEL_REFRESH, {"TX_MODEL_UNTIL": "until"})
