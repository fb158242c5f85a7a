"""A server on this machine that speaks S3's protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

BUCKET = "corpora"


@contextmanager
def serving(patch: pytest.MonkeyPatch, bucket: str = BUCKET) -> Iterator[Any]:
    """Run it with a bucket; a client of it. Other clients find it by the environment for as long as `patch` lasts."""
    running = ThreadedMotoServer(port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "me")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket)
    yield client
    running.stop()


def upload(client: Any, folder: Path, bucket: str, name: str) -> str:
    """Copy a folder into a bucket; its address."""
    for file in folder.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), bucket, f"{name}/{file.relative_to(folder).as_posix()}")
    return f"s3://{bucket}/{name}"
