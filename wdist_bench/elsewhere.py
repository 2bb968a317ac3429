"""What other libraries and papers call our estimators and their options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wdist_bench.validation import fold

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
    ("randomstate rng key randomseed prngkey", "randomness is set by the argument seed=0"),
)


def method_hint(name: Any, known: Iterable[str]) -> str:
    """Our name for an estimator, "" where we know of none."""
    wanted, known = fold(str(name)), list(known)
    for ours in known:
        if fold(ours) == wanted:
            return f"did you mean {ours!r}?"
    for ours, names in _METHODS.items():
        if wanted in names.split() and ours in known:
            return f"it is called {ours!r} here"
    return _TWO_MEANINGS.get(wanted, "")


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
