"""A web server on this machine, with pages that list its folders."""

import hashlib
import http.server
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline.corpus.paths import is_file


@dataclass
class Web:
    """The requests that a server has answered, and how it differs from others.

    Attributes
    ----------
    asked
        Number of requests by method and path.
    answers
        Status or page in the place of a file or folder, by method and path.
    meanwhile
        Called with the method and path of each request.
    """

    url: str = ""
    has_etags: bool = True
    asked: Counter[str] = field(default_factory=Counter)
    answers: dict[str, int | str] = field(default_factory=dict)
    meanwhile: Callable[[str], object] = lambda request: None

    def fetched(self) -> list[str]:
        """Names of the files that have been copied since the last call, once for each time."""
        copied = [path[5:] for path in self.asked.elements() if path.startswith("GET /") and not path.endswith("/")]
        self.asked.clear()
        return sorted(copied)


class _Handler(http.server.SimpleHTTPRequestHandler):
    web: Web

    def __init__(self, *given: Any, web: Web, **more: Any) -> None:
        self.web = web
        super().__init__(*given, **more)

    def send_head(self) -> Any:
        request = f"{self.command} {unquote(self.path)}"
        self.web.asked[request] += 1
        self.web.meanwhile(request)
        answer = self.web.answers.get(request)
        if isinstance(answer, int):
            self.send_error(answer)
            return None
        if isinstance(answer, str):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.encode())
            return None
        return super().send_head()

    def end_headers(self) -> None:
        file = Path(self.translate_path(self.path))
        if self.web.has_etags and is_file(file):
            self.send_header("ETag", f'"{hashlib.sha256(file.read_bytes()).hexdigest()}"')
        super().end_headers()

    def log_message(self, *given: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Web]:
    """Serve a folder."""
    web = Web()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, web=web, directory=folder)) as server:
        web.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield web
        server.shutdown()
