"""The commands of `fraudstack` that say which model is in force."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fraudstack.settings import Settings


def promote(
    model: Annotated[Path, typer.Option(help="The folder of the model.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "promoted by hand",
) -> None:
    """Make a model the champion of TX_MODEL_DIR; running scorers take it up within seconds."""
    from fraudstack.model.registry import promote as make

    settings = Settings()
    made = make(settings.model_dir, model, {"reason": reason})
    sys.stdout.write(f"model {made.version} is the champion of {settings.model_dir}\n")


def rollback() -> None:
    """Make the champion before this one the champion of TX_MODEL_DIR again."""
    from fraudstack.model.registry import roll_back as make

    settings = Settings()
    made = make(settings.model_dir)
    sys.stdout.write(f"model {made.version} is the champion of {settings.model_dir} again\n")
