"""The DAG model_refresh: what the labels know now becomes the model in force, if it deserves it."""

from airflow.sdk import DAG, Param, chain
from sign_off import SignOffOperator
from steps import in_order

from jobs import MODEL_REFRESH

with DAG(
    dag_id="model_refresh",
    description="What the labels know now becomes the model in force, if it deserves it",
    doc_md="""
Trains a model on the store's transactions and labels and puts it in force if it deserves it:

1. **train** makes a candidate of all labelled transactions up to `until`, in TX_MODEL_DIR.
2. **evaluate** holds it against the rules and against the champion on its latest weeks, by a model that had not seen
   them: it has to beat the rules, to be calibrated, and to be no worse than the champion by more than the noise.
3. **sign_off** waits for a person to approve that, a week at most, where `sign_off` or TX_MODEL_SIGN_OFF asks for it.
4. **promote** makes it the champion; running scorers take it up within seconds.
5. **memories** remembers of every client and merchant what a model looks at, where that isn't kept already.

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
        "sign_off": Param(
            None,
            type=["null", "boolean"],
            title="Sign-off",
            description="Whether a person has to approve what would come into force; empty: as TX_MODEL_SIGN_OFF says",
        ),
    },
):
    train, evaluate, *after = MODEL_REFRESH
    *_, evaluated = in_order([train, evaluate], {"TX_MODEL_UNTIL": "until"})
    signed_off = SignOffOperator(task_id="sign_off", evaluated=evaluated.task_id)
    chain(evaluated, signed_off)
    in_order(after, before=signed_off)
