"""A lake in an object store: the same jobs, the same bytes."""

import json
import os
import socket

import pytest

pytestmark = [pytest.mark.spark, pytest.mark.heavy]


@pytest.fixture
def bucket(monkeypatch):
    """A bucket on a local S3 server."""
    import boto3
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    env = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"]).create_bucket(Bucket="corpus")
    yield "s3://corpus/lake"
    server.stop()


def test_a_build_into_a_bucket_has_the_bytes_of_a_local_one(bucket, tiny, built, reelmill, facts_of):
    import s3fs

    code, _, said = reelmill("build", tiny, "--lake", bucket, env=dict(os.environ))
    assert code == 0, said
    s3 = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for name in ("collect", "measure", "judge", "dedup", "label", "fuse"):
        fingerprint = json.loads(s3.cat(f"{bucket}/_current/{name}.json"))["fingerprint"]
        found = {}
        for path in s3.glob(f"{bucket}/*/{fingerprint}/manifest.json"):
            manifest = json.loads(s3.cat(path))
            found[manifest["table"]] = [(f["path"], f["rows"], f["bytes"], f["sha256"]) for f in manifest["files"]]
        assert found == facts_of(built, name), name
    code, _, said = reelmill("build", tiny, "--lake", bucket, env=dict(os.environ))
    assert said.count("nothing was done") == 6
