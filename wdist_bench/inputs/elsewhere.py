"""What other libraries and papers call our estimators and their options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from wdist_bench.validation import check_name, fold

Call = TypeVar("Call", bound=Callable[..., Any])

# Ours, and names for the same thing elsewhere (without case and punctuation).
_METHODS = {
    "exact": "emd emd2 ot pot wasserstein wassersteindistance wassersteindistancend w1 w2 "
    "earthmover earthmoversdistance earthmoverdistance kantorovich optimaltransport linprog "
    "linearprogram linearprogramme networksimplex simplex hungarian assignment auction "
    "linearsumassignment lsa otemd otemd2 emd2lazy solve otsolve",
    "one_dimensional": "1d emd1d emd21d wasserstein1d w1d quantile quantiles sorted sort sorting",
    "gaussian": "bures bureswasserstein frechet frechetdistance fid gelbrich",
    "sinkhorn": "sinkhorn2 sinkhornknopp entropic entropicot sinkhornlog sinkhornstabilized "
    "otsinkhorn regularized sinkhorndistance",
    "sinkhorn_divergence": "sinkhorndiv debiasedsinkhorn samplesloss geomloss "
    "empiricalsinkhorndivergence",
    "sliced": "swd sw slicedwasserstein slicedwassersteindistance sliceddistance",
    "nearest_neighbor": "nn 1nn nearestneighbour nearest",
    "weight_clipping": "wgan wganwc clipping clipped weightclip wc",
    "gradient_penalty": "wgangp gp gradientpenalized",
    "lipschitz_penalty": "wganlp lippenalty",
    "spectral_norm": "sn sngan snwgan spectral spectralnormalization spectralnormalisation",
    "group_sort": "maxmin bjorck anilsorting orthonormal",
    "c_transform": "ctrans ctransformation semidual",
    "soft_c_transform": "softctrans softsemidual",
    "centered": "centred debiasedplugin pappsherlock",
    "smoothed": "gaussiansmoothed smoothedwasserstein gaussiansmoothedwasserstein gow",
    "max_sliced": "maxsw msw maxslicedwasserstein maxslicedwassersteindistance",
    "subspace_robust": "srw subspacerobustwasserstein",
}
_TWO_MEANINGS = {
    "lp": "'exact' solves the linear programme, 'lipschitz_penalty' is the penalty of WGAN-LP",
}
# Ours, in the order of preference, and names for the same thing elsewhere.
_OPTIONS = (
    (
        ("steps", "max_iterations", "max_steps"),
        "niter niters iter iters iterations numiter numiters numitermax maxiter maxiters "
        "numiterations epochs nepochs numepochs nsteps numsteps trainingsteps trainsteps steps "
        "maxiterations maxsteps maxnumiterations",
    ),
    (("learning_rate",), "lr stepsize"),
    (("epsilon", "penalty_weight"), "reg regularization regularisation blur eps"),
    (("penalty_weight", "epsilon"), "lambda lam lambdagp gpweight gplambda penalty reglambda"),
    (("n_projections",), "nproj nprojs projections numprojections numprojs directions"),
    (("hidden",), "layers width widths hiddensizes hiddendims hiddenlayers units dimhidden"),
    (("batch_size",), "bs batch minibatch minibatchsize nbatch"),
    (("clip",), "clipvalue cliprange weightclip weightclipping"),
    (("threshold", "rtol"), "tol tolerance stopthr stopthreshold"),
)
# Arguments of the call itself, and their names elsewhere.
_ARGUMENTS = (
    (
        "weights weight xweights yweights weightsx weightsy uweights vweights sampleweight "
        "sampleweights wa wb masses histogram histograms",
        "weights are the arguments a= for x and b= for y",
    ),
    (
        "costmatrix m costs matrix cost costfunction costfn ground distancematrix dist",
        "a matrix of costs, a function that gives one, or a registered name is the argument cost=",
    ),
    (
        "metric groundmetric",
        "the ground metric is norm=, say 'l2' (Euclidean), 'l1' or 'linf', or cost=",
    ),
    ("order ord power exponent", "the exponent is the argument p="),
    (
        "device backend gpu",
        "JAX decides: set JAX_PLATFORMS=cpu or cuda before Python starts",
    ),
    ("randomstate rng key randomseed prngkey", "randomness is set by the argument seed=0"),
)

# Ground costs, and names for the same thing elsewhere.
_COSTS = {
    "l2": "euclidean euclid euclidian l2norm 2 minkowski",
    "l1": "cityblock manhattan taxicab l1norm 1 absolute",
    "linf": "chebyshev chebychev maximum max sup supremum inf infinity lmax",
    "cosine": "angle angular cosinedistance arccos",
    "torus": "periodic circle circular wrapped",
    "sphere": "haversine greatcircle geodesic latlon",
}
_SQUARED = ("sqeuclidean", "squaredeuclidean", "euclideansquared", "l2squared", "sql2", "squaredl2")
# Data sets and laws that are asked for as tasks.
_TASKS = {
    "image_batches": "mnist cifar10 cifar celeba digits patches images",
    "gaussians": "normal normals multivariatenormal mvn",
}
# Parameters of tasks, and arguments of the calls beside `estimate`.
_PARAMETERS = (
    (("dim",), "d ndim ndims dimension dimensions nfeatures features"),
    (("shift",), "mean mu loc offset delta translation distance"),
    (("scale", "std", "base_std"), "sigma sd stddev standarddeviation variance cov"),
    (("level",), "confidence confidencelevel ci coverage alpha significance"),
    (("permutations",), "npermutations nperm nperms numpermutations resamples nresamples nboot"),
    (("runs",), "nruns repeats nrepeats repetitions ntrials trials seeds nseeds"),
    (("batch_size",), "n nsamples samplesize samples npoints batch bs"),
    (("budget",), "seconds time timeout timelimit maxtime"),
    (("methods",), "method estimator estimators"),
    (("a",), "weights weight xweights uweights weightsx sampleweight sampleweights"),
    (("norm", "cost"), "metric groundmetric"),
    (("seed",), "randomstate rng key randomseed prngkey"),
)


def cost_hint(name: Any) -> str:
    """Our name for a ground cost, "" where we know of none."""
    wanted = fold(str(name))
    if wanted in _SQUARED:
        return "it is 'l2' with p=2 here (the value is the root W_2)"
    return _ours(wanted, _COSTS)


def task_hint(name: Any, known: Iterable[str]) -> str:
    """A task for what is a data set or a law, "" where we know of none."""
    found = next((ours for ours, names in _TASKS.items() if fold(str(name)) in names.split()), "")
    if found not in known:
        return ""
    if found == "image_batches":
        return f"images are the task 'image_batches' with dataset={str(name)!r:.20}"
    return f"did you mean {found!r}?"


def argument_hint(name: str, known: Iterable[str]) -> str:
    """Our name for a parameter of a task or a call that takes `known`, "" where we know of none."""
    wanted, known = fold(name), list(known)
    for ours, names in _PARAMETERS:
        found = [option for option in ours if option in known]
        if found and wanted in names.split():
            if found[0] == "a":
                return "weights are the arguments a= for x and b= for y"
            return f"it is called {found[0]!r} here"
    return ""


def explained(call: Call) -> Call:
    """The call, where an argument that it does not take is answered with its name here."""
    known = list(inspect.signature(call).parameters)

    @functools.wraps(call)
    def checked(*positional: Any, **named: Any) -> Any:
        for name in named:
            try:
                hint = functools.partial(argument_hint, name, known)
                check_name(name, known, f"argument of {call.__name__}", hint)
            except ValueError as error:
                raise TypeError(str(error)) from None
        return call(*positional, **named)

    return cast(Call, checked)


def attribute_hint(name: str) -> str:
    """What a function of another library is called in `wdist_bench`, "" where we know of none."""
    wanted = fold(name)
    if method := _ours(wanted, _METHODS):
        method = method.split("'")[1]
        return f"call wb.estimate(x, y, {method!r})"
    if wanted in ("readcsv", "load", "loadcsv", "read", "loadrows", "readtable"):
        return "files are read by wb.read_samples"
    if wanted in ("ttest", "permutationtest", "test", "twosampletest", "kstest"):
        return "call wb.two_sample_test(x, y)"
    if wanted == "populationbracket":
        return "it was replaced by wb.population_interval(task)"
    return ""


def _ours(wanted: str, names: dict[str, str]) -> str:
    for ours, others in names.items():
        if wanted in others.split():
            return f"it is called {ours!r} here"
    return ""


_PEERS = ("pot", "ott", "geomloss", "scipy", "lapx", "pyemd", "ortools")


def method_hint(name: Any, known: Iterable[str]) -> str:
    """Our name for an estimator, "" where we know of none."""
    wanted, known = fold(str(name)), list(known)
    for ours in known:
        if fold(ours) == wanted:
            return f"did you mean {ours!r}?"
    if str(name).split("_")[0] in _PEERS:
        return "other libraries' solvers are in the package of the folder peers/: install it"
    registered = {ours: names for ours, names in _METHODS.items() if ours in known}
    return _ours(wanted, registered) or _TWO_MEANINGS.get(wanted, "")


def _unit(wanted: str, known: list[str]) -> str:
    """Where the same name is in other units elsewhere."""
    if "epsilon_unit" not in known or wanted not in ("reg", "blur", "eps"):
        return ""
    there = "blur**p" if wanted == "blur" else wanted
    return f", a share of the mean cost; epsilon={there} needs epsilon_unit='cost' beside it"


def option_hint(name: Any, known: Iterable[str]) -> str:
    """Our name for an option of an estimator that takes `known`, "" where we know of none."""
    wanted, known = fold(str(name)), list(known)
    for ours in known:
        if fold(ours) == wanted:
            return f"did you mean {ours!r}?"
    for names, said in _ARGUMENTS:
        if wanted in map(fold, names.split()):
            return said
    for options, names in _OPTIONS:
        if wanted in {*names.split(), *map(fold, options)}:
            found = [option for option in options if option in known]
            if found:
                return f"it is called {found[0]!r} here{_unit(wanted, known)}"
            return f"this estimator has no {' or '.join(options)}; leave it out"
    return ""
