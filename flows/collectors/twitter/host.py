"""Where X's API is reached: tweepy names its host itself, so another one is set where requests leave the machine."""

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import resolve_proxies


class HostAdapter(HTTPAdapter):
    """Sends every request to one host, whatever host it names, and gives up on one that does not answer."""

    def __init__(self, base_url: str, *, timeout_seconds: float) -> None:
        """Say where to: `base_url` is the scheme and the host, and may have a path."""
        super().__init__()
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds

    def send(  # type: ignore[override]  # noqa: PLR0917
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - as the class that it extends has it
        timeout: float | tuple[float, float] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - they were chosen for the host that was named
    ) -> requests.Response:
        """Send a request; see `HTTPAdapter.send`."""
        request.url = self._base_url + request.path_url
        return super().send(
            request,
            stream=stream,
            timeout=timeout or self._timeout_seconds,
            verify=verify,
            cert=cert,
            proxies=resolve_proxies(request, None),
        )
