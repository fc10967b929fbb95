"""The data sets of official counts there are: a new one is added here."""

from flows.errors import UnknownHeaderError
from flows.official import DataSet, Measure
from flows.official.places import jhu_places, state_places
from flows.sources.csv_records import CsvRecord

JHU = DataSet(
    name="jhu_csse",
    place_column="country",
    day_column="date",
    measures=(
        Measure("cases", "confirmed_cum", "confirmed_new"),
        Measure("deaths", "deaths_cum", "deaths_new"),
    ),
    places=jhu_places,
)
COVID_TRACKING = DataSet(
    name="covid_tracking_project",
    place_column="state",
    day_column="date",
    measures=(
        Measure("cases", "positive", "positiveIncrease"),
        Measure("deaths", "death", "deathIncrease"),
        Measure("tests", "totalTestResults", "totalTestResultsIncrease"),
        Measure("hospitalized", "hospitalizedCumulative", "hospitalizedIncrease"),
    ),
    places=state_places,
    is_month_first=True,
)
DATASETS = (JHU, COVID_TRACKING)


def read_header(record: CsvRecord | None) -> tuple[DataSet, list[str]]:
    r"""Return the data set that a file is of and its columns, or refuse the file.

    >>> dataset, header = read_header(CsvRecord(0, 0, b"", ["\ufeffcountry", "date", "deaths_cum"], None))
    >>> dataset.name, header
    ('jhu_csse', ['country', 'date', 'deaths_cum'])
    """
    header = [name.strip().removeprefix("\ufeff") for name in record.fields] if record else []
    dataset = next((dataset for dataset in DATASETS if dataset.is_header(header)), None)
    if dataset is None:
        raise UnknownHeaderError(
            "The first record is no header of official counts: give a CSV file with the columns country, date and "
            "confirmed_cum or deaths_cum (JHU CSSE, country by day), or state, date and one of positive, death, "
            "totalTestResults and hospitalizedCumulative (COVID Tracking Project)."
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise UnknownHeaderError(f"The header names {', '.join(repeated)} more than once: which one counts?")
    return dataset, header
