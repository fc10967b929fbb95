"""dbt's sources from the contracts: `python -m flows.lake.sources_yml` writes `dbt_project/models/sources/*.yml`.

The files are kept in the tree, so that dbt needs no Python of ours; a test holds them equal to what this renders.
"""

from collections.abc import Iterator

from flows.lake.contract import Contract
from flows.lake.contracts import CONTRACTS
from flows.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "dbt_project" / "models" / "sources"
LAYERS = {
    "raw": "Posts and official counts as received, what was refused, and what is to be deleted. "
    "Written by `flows/ingest.py` and `flows/ingest_counts.py`.",
    "enriched": "What Python computes from posts. Written by `flows/enrich.py`.",
    "scored": "Predictions, stamped with the model that made them. Written by `flows/score.py`.",
    "ops": "The account of what ran. Written by every flow.",
}
"""Layers that Python writes, each with its sentence."""


def render_layer(layer: str) -> str:
    """Return the sources file of a layer."""
    contracts = [contract for contract in CONTRACTS.values() if contract.name.startswith(f"{layer}.")]
    return "\n".join(
        [
            "# Written by `python -m flows.lake.sources_yml` from flows/lake/contracts.py: change the contract.",
            "sources:",
            f"  - name: {layer}",
            f"    schema: {layer}",
            f"    description: {_quote(LAYERS[layer])}",
            "    tables:",
            *(line for contract in contracts for line in _render_table(contract)),
            "",
        ]
    )


def _render_table(contract: Contract) -> Iterator[str]:
    yield f"      - name: {contract.name.partition('.')[2]}"
    yield f"        description: {_quote(contract.grain)}"
    if contract.loaded_at:
        yield "        config:"
        yield f"          loaded_at_field: {contract.loaded_at}"
        yield "          freshness:"
        yield "            warn_after: {count: 36, period: hour}"
        yield "            error_after: {count: 14, period: day}"
    yield "        data_tests:"
    yield "          - primary_key:"
    yield "              arguments:"
    yield f"                columns: [{', '.join(contract.key)}]"
    yield "        columns:"
    for column in contract.columns:
        yield f"          - name: {column.name}"
        yield f"            data_type: {column.type}"
        yield f"            description: {_quote(column.meaning)}"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    """Write every file."""
    for layer in LAYERS:
        (FOLDER / f"{layer}.yml").write_text(render_layer(layer), encoding="utf-8")


if __name__ == "__main__":
    main()
