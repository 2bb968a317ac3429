"""The estimators as losses of small GANs: one loop (`training`), losses as data (`losses`)."""

from wdist_bench.studies.gan.experiment import Gan

__all__ = ["Gan"]
