"""Of whom a sign-off asks an answer, and of whom not. No Airflow runs."""

import json
import sys
from pathlib import Path

import pytest

from tests.dags.airflow_process import DAGS, environment, finished

_RUN = """
import json, sys
from types import SimpleNamespace
from unittest.mock import patch
sys.path.insert(0, sys.argv[1])
from airflow.providers.standard.operators.hitl import ApprovalOperator
from model_refresh import signed_off

def case(param, loaded):
    task = SimpleNamespace(xcom_pull=lambda task_ids: {"evaluate": {"loaded": loaded}}[task_ids])
    run = SimpleNamespace(conf={})
    # To ask needs an Airflow that runs, as test_deferral has one.
    with patch.object(ApprovalOperator, "execute") as ask:
        said = signed_off.execute({"dag": signed_off.dag, "dag_run": run, "params": {"sign_off": param}, "ti": task})
    assert said == {"TX_MODEL_SIGNED_BY": None}
    return ask.called

print(json.dumps([case(*given) for given in json.loads(sys.argv[2])]))
"""


@pytest.mark.parametrize("setting", ["true", "false"])
def test_a_person_is_asked_where_the_run_or_else_the_setting_says_so_and_never_in_vain(
    tmp_path: Path, setting: str
) -> None:
    cases = {(True, 1): True, (True, 0): False, (False, 1): False, (None, 1): setting == "true", (None, 0): False}
    env = environment(tmp_path, TX_MODEL_SIGN_OFF=setting)
    done = finished([sys.executable, "-c", _RUN, str(DAGS), json.dumps([*cases])], env)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == [*cases.values()]
