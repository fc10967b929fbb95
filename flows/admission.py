"""Who and what may come in: the policy, the secret and who is shut out, read once per run."""

from dataclasses import dataclass
from typing import Any

from flows.errors import EpilakeError
from flows.lake.contract import Contract
from flows.lake.contracts import BATCHES, ERASURES
from flows.lake.tables import query, table_path
from flows.privacy.policy import Policy, Rejects, load_policy
from flows.privacy.protect import hides_post_ids, protect
from flows.privacy.secret import Secret, load_secret
from flows.settings import Settings
from flows.sources import Chunk, Notice, Source


@dataclass(frozen=True)
class Admission:
    """What a run lets in; the one way from a checked chunk to one that may be written."""

    policy: Policy
    secret: Secret
    shut_out: frozenset[str]

    def admit(self, source: Source, chunk: Chunk) -> Chunk:
        """Return what may be written of a chunk; see `flows.privacy.protect`."""
        return protect(self.policy, source, chunk, secret=self.secret, shut_out=self.shut_out)

    def protect_notice(self, source: Source, notice: Notice) -> dict[str, object]:
        """Return what is stored of a delete notice: of an author only the pseudonym."""
        author_key = self.secret.pseudonym(source.name, notice.author_id) if notice.author_id else None
        known = {name: held for name, held in vars(notice).items() if name != "author_id"}
        post_id = self.name_post(source, notice.post_id) if notice.post_id else None
        author = None if notice.post_id else author_key
        return {**known, "kind": str(notice.kind), "post_id": post_id, "author_key": author}

    def name_post(self, source: Source, post_id: str) -> str:
        """Return a post's id as RAW has it."""
        is_hidden = hides_post_ids(self.policy, source)
        return self.secret.name_post(source.name, post_id) if is_hidden else post_id

    @property
    def seals_rejects(self) -> bool:
        """Whether the bytes of refused records are sealed."""
        return self.policy.rejects is Rejects.SEAL

    @property
    def stamps(self) -> dict[str, str]:
        """What a batch records of the admission."""
        return {"policy": self.policy.stamp, "secret_fingerprint": self.secret.fingerprint}


def open_admission(settings: Settings) -> Admission:
    """Return what this installation lets in now.

    Raises:
        EpilakeError: There is no such policy, or the secret is not the one with which the lake was written.
    """
    secret = load_secret(settings)
    known = {
        row["secret_fingerprint"] for row in _ask(settings, BATCHES, "select distinct secret_fingerprint from rows")
    }
    if known - {secret.fingerprint}:
        raise EpilakeError(
            f"The secret in {settings.secret_path} is not the one with which this lake was written, so the same person "
            f"would get a second pseudonym: restore the file, or name it with EPILAKE_SECRET_FILE."
        )
    return Admission(load_policy(settings.policy), secret, find_shut_out(settings))


def find_shut_out(settings: Settings) -> frozenset[str]:
    """Return the pseudonyms of the accounts and posts that were erased and must not come back."""
    rows = _ask(settings, ERASURES, "select subject_key from rows where is_shut_out")
    return frozenset(row["subject_key"] for row in rows)


def _ask(settings: Settings, contract: Contract, sql: str) -> list[dict[str, Any]]:
    """Ask a table; where there is no lake yet, nothing was ever let in or shut out."""
    return query(settings, contract.name, sql) if table_path(settings, contract.name).exists() else []
