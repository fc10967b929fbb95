"""A privacy policy: what may be kept of each field, read from YAML.

`strict` is the default; `eu` and `us` stand beside it, and a path names a file of one's own. A policy names an action
for every kind of field, so that a new kind is refused until somebody has decided about it.
"""

import hashlib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flows.errors import EpilakeError
from flows.sources import Field as SourceField
from flows.sources import Kind
from flows.sources.known import SOURCES

SHIPPED = Path(__file__).parent / "policies"


class Action(StrEnum):
    """What becomes of a field."""

    KEEP = "keep"
    DROP = "drop"
    HASH = "hash"
    MASK = "mask"
    COARSEN = "coarsen"


class Mask(StrEnum):
    """What is hidden in a field that is masked."""

    EMAIL = "email"
    PHONE = "phone"
    HANDLE = "handle"
    OWN_NAME = "own_name"


class Refusal(StrEnum):
    """Whose posts are not let in at all. Who has been erased is never let in again, whatever the policy."""

    PROTECTED = "protected"
    WITHHELD = "withheld"


class Rejects(StrEnum):
    """What is kept of the bytes of a refused record: all, all but sealed with the secret, or none."""

    KEEP = "keep"
    SEAL = "seal"
    DROP = "drop"


COARSE_KINDS = frozenset({Kind.PLACE, Kind.COORDINATES, Kind.TIME, Kind.AUTHOR_CREATED})


def _is_possible(kind: Kind, action: Action) -> bool:
    """Say whether something can be done to a kind of field: without its id and its time a post is none.

    >>> _is_possible(Kind.PLACE, Action.COARSEN), _is_possible(Kind.COUNT, Action.COARSEN)
    (True, False)
    """
    if kind is Kind.POST_ID:
        return action in (Action.KEEP, Action.HASH)
    if kind is Kind.TIME:
        return action in (Action.KEEP, Action.COARSEN)
    return action is not Action.COARSEN or kind in COARSE_KINDS


class Retention(BaseModel):
    """Days after which rows of a layer are deleted; absent: never."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    raw: int | None = Field(default=None, ge=1)
    rejects: int | None = Field(default=None, ge=1)
    curated: int | None = Field(default=None, ge=1)
    enriched: int | None = Field(default=None, ge=1)
    refined: int | None = Field(default=None, ge=1)
    scored: int | None = Field(default=None, ge=1)


class Policy(BaseModel):
    """One policy; `digest` names its exact words, so that a batch says under which it came in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    version: int = Field(ge=1)
    kinds: dict[Kind, Action]
    sources: dict[str, dict[str, Action]] = Field(default_factory=dict)
    rescued: Action
    masks: frozenset[Mask]
    refuse: frozenset[Refusal]
    rejects: Rejects
    retention_days: Retention = Retention()
    digest: str = ""

    @model_validator(mode="after")
    def _decides_everything(self) -> Self:
        undecided = sorted(set(Kind) - set(self.kinds))
        if undecided:
            raise ValueError(f"kinds: say what becomes of {', '.join(undecided)}")
        wrong = [f"{kind}: {action}" for kind, action in self.kinds.items() if not _is_possible(kind, action)]
        for source, actions in self.sources.items():
            kinds = {field.name: field.kind for field in SOURCES[source].fields} if source in SOURCES else {}
            wrong += [
                f"{source}.{name}: {action}"
                for name, action in actions.items()
                if name not in kinds or not _is_possible(kinds[name], action)
            ]
        if wrong or self.rescued in (Action.HASH, Action.COARSEN):
            raise ValueError(f"there is no such field, or this cannot be done to it: {', '.join(wrong) or 'rescued'}")
        return self

    @property
    def stamp(self) -> str:
        """The policy as a batch names it: `name/version/digest`."""
        return f"{self.name}/{self.version}/{self.digest}"

    def action(self, source: str, field: SourceField) -> Action:
        """Return what becomes of a source's field."""
        return self.sources.get(source, {}).get(field.name, self.kinds[field.kind])


@cache
def load_policy(name: str) -> Policy:
    """Return the policy of that name, or the one in the file of that path.

    Raises:
        EpilakeError: There is none, or it leaves something undecided; the message names what.
    """
    path = SHIPPED / f"{name}.yaml" if "/" not in name and not name.endswith((".yaml", ".yml")) else Path(name)
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        raise EpilakeError(f"There is no privacy policy {name!r}: name one of {shipped}, or the path of a YAML file.")
    content = path.read_bytes()
    try:
        return Policy.model_validate({**yaml.safe_load(content), "digest": hashlib.sha256(content).hexdigest()[:12]})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise EpilakeError(f"The privacy policy {path} is not one: {faults}.") from error
    except (yaml.YAMLError, TypeError) as error:
        raise EpilakeError(f"The privacy policy {path} is no YAML mapping: {error}.") from error
