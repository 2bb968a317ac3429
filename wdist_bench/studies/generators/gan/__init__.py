"""The GAN experiment: losses by the exact distance of what they generate."""

from wdist_bench.studies.generators.gan.experiment import Gan

__all__ = ["Gan"]
