"""A server on this machine that speaks S3's protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

BUCKET = "corpora"  # of the fixture `bucket`


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Run it; the variables with which a client reaches it."""
    running = ThreadedMotoServer(port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    running.stop()


def upload(client: Any, folder: Path, bucket: str, name: str) -> str:
    """Copy a folder into a bucket; its address."""
    for file in folder.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), bucket, f"{name}/{file.relative_to(folder).as_posix()}")
    return f"s3://{bucket}/{name}"
