"""Features in an object store: equal to those on a disk."""

import numpy as np
import pandas as pd
import pytest

from genre_utils import datasets, features

MEL = features.preset("bbnn", 3.0)


def test_a_store_in_memory_holds_what_one_on_disk_holds(collection, tmp_path):
    index = datasets.load("gtzan", collection)
    expected = features.extract(index, MEL, tmp_path / "disk.zarr")
    for _ in range(2):
        found = features.extract(index, MEL, "memory://bucket/mels.zarr")
        np.testing.assert_array_equal(found.x, expected.x)
    with pytest.raises(ValueError, match="holds features of other clips or settings"):
        features.extract(index[1:].reset_index(drop=True), MEL, "memory://bucket/mels.zarr")


@pytest.fixture
def bucket(monkeypatch):
    """An S3 server on this machine, for whoever has installed s3fs and moto[server]."""
    pytest.importorskip("s3fs")
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    named = {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
    for name, value in (named | {"DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    boto3.client("s3").create_bucket(Bucket="music")
    yield "s3://music"
    server.stop()


def test_a_store_on_s3_holds_what_one_on_disk_holds(collection, tmp_path, bucket):
    index = datasets.load("gtzan", collection)
    expected = features.extract(index, MEL, tmp_path / "disk.zarr")
    for n_jobs in (2, 1):
        found = features.extract(index, MEL, f"{bucket}/mels.zarr", n_jobs)
        np.testing.assert_array_equal(found.x, expected.x)
        pd.testing.assert_frame_equal(found.report, expected.report)
    with pytest.raises(OSError, match="bucket"):
        features.extract(index, MEL, "s3://nowhere/mels.zarr")
