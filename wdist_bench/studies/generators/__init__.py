"""Generators judged by their distance: GAN losses (`gan`) and every kind of generator (`study`)."""

from wdist_bench.studies.generators.gan.experiment import Gan
from wdist_bench.studies.generators.study import Generators

__all__ = ["Gan", "Generators"]
