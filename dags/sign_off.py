"""A person signs off what a refresh would put in force."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from steps import RETRIES, SHORT, given

# Whoever doesn't answer in time leaves the champion.
_PATIENCE = timedelta(days=7)


class SignOffOperator(ApprovalOperator):
    """Waits for a person's answer where a run's param `sign_off`, or else TX_MODEL_SIGN_OFF, asks for one.

    Nobody is asked of a candidate that isn't to come into force. Without an approval whatever follows is skipped; with
    it the settings of the steps that follow say who gave it.
    """

    def __init__(self, *, evaluated: str, **of_task: Any) -> None:  # noqa: ANN401 - of each its own
        found = f"ti.xcom_pull(task_ids='{evaluated}')"
        super().__init__(
            subject="May this model come into force?",
            body=f"{{{{ {found}['said'] | join(' ') }}}}",
            defaults=self.REJECT,
            response_timeout=_PATIENCE,
            execution_timeout=SHORT,
            **RETRIES,
            **of_task,
        )
        self.evaluated = evaluated

    def execute(self, context: Context) -> dict[str, str | None]:
        """Ask, and wait without a worker; or nothing is to be asked."""
        # Whoever only reads the DAG is spared its import.
        from fraudstack.settings import Settings

        asked = given(context)["sign_off"]
        asked = Settings().model_sign_off if asked is None else asked
        if asked and context["ti"].xcom_pull(task_ids=self.evaluated)["loaded"]:
            super().execute(context)
        return _signed_by(None)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, str | None]:
        """Who approved it, as a setting."""
        super().execute_complete(context, event)
        return _signed_by((event.get("responded_by_user") or {}).get("name"))


def _signed_by(name: str | None) -> dict[str, str | None]:
    return {"TX_MODEL_SIGNED_BY": name}
