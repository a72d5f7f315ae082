"""What lies beside the transactions so that people read names: merchant category codes and cards."""

import csv
import json

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from fraudstack.errors import InputError
from fraudstack.schema import Card

_EXPIRES = r"^[0-9]{2}/[0-9]{4}\z"
_NUMBER = r"[0-9]{12}"


def read(spark: SparkSession, transactions: str) -> dict[str, pa.Table]:
    """Rows of the tables mcc_codes and cards from the folder of the transactions, of each that is there.

    Raises InputError when one of them isn't what it should be.
    """
    folder = transactions.rpartition("/")[0] or "."
    found = {
        "mcc_codes": _mcc_codes(spark, f"{folder}/mcc_codes.json"),
        "cards": _cards(spark, f"{folder}/cards_data.csv"),
    }
    return {table: rows for table, rows in found.items() if rows is not None}


def _mcc_codes(spark: SparkSession, path: str) -> pa.Table | None:
    try:
        text = spark.read.text(path, wholetext=True).head()
    except AnalysisException:
        return None
    try:
        codes = json.loads(text.value if text else "")
        names = pa.array([_storable(str(name)) for name in codes.values()], pa.string())
        return pa.table({"mcc": pa.array(map(int, codes), pa.int32()), "name": names})
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} isn't one JSON object of merchant category codes and names") from error


def _storable(name: str) -> str:
    return name.replace("\0", "\ufffd")


def _cards(spark: SparkSession, path: str) -> pa.Table | None:
    """The cards, without their numbers: those columns are never asked for.

    A row whose columns are shifted would carry them into another column: it is left out.
    """
    wanted = Card.__table__.columns  # type: ignore[attr-defined]
    try:
        first = spark.read.text(path).head()
    except AnalysisException:
        return None
    named = next(csv.reader([first.value if first else ""]))
    missing = [column.name for column in wanted if column.name not in named]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}")
    # Named by ourselves: Spark would start a job to find the names.
    schema = StructType([StructField(name, StringType()) for name in named])
    raw = spark.read.schema(schema).csv(path, header=True)
    columns = [
        F.translate(column.name, "$,", "").try_cast("int").alias(column.name)
        if column.type.python_type is int
        else F.replace(F.col(column.name), F.lit("\0"), F.lit("\ufffd")).alias(column.name)
        for column in wanted
    ]
    in_place = F.col("expires").rlike(_EXPIRES) & F.upper("has_chip").isin("YES", "NO")
    gives_away = F.concat_ws(" ", *(column.name for column in wanted)).rlike(_NUMBER)
    cards = raw.select(*columns).where(in_place & ~gives_away)
    found = cards.where("id IS NOT NULL AND client_id IS NOT NULL").toArrow()
    # Of an id that comes twice, the first; told here, since a shuffle in Spark takes longer than all the rest.
    numbered = found.append_column("row", pa.array(range(found.num_rows), pa.int64()))
    first = numbered.group_by("id", use_threads=False).aggregate([("row", "min")])
    return found.take(first.column("row_min"))
