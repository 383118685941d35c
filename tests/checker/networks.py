"""Small networks, one for each feature of the format."""

from .naive_prover import Build


def start(lr="1"):
    b = Build()
    b.input()
    return b, b.parameter("embedding", "U", lr=lr)


def mlp(depth=1, phi="tanh", **matrix):
    b, u = start()
    bias, v = b.parameter("bias", "b"), b.parameter("readout", "v", scale=["pow", "2", "1/2"])
    x = b.node("call", phi, [b.node("add", [b.node("embed", u, 0, 0), b.node("param", bias)])])
    for layer in range(depth):
        w = b.parameter("matrix", f"W{layer}", **matrix)
        x = b.node("call", phi, [b.node("matmul", w, 0, x)])
    b.output((v, x))
    return b.net


def residual(depth=2):
    b, u = start(lr="0")
    v, c = b.parameter("readout", "v"), b.parameter("output_bias", "c")
    x = b.node("embed", u, 0, 0)
    half = b.node("const", "1/2")
    for layer in range(depth):
        w = b.parameter("matrix", f"W{layer}")
        g = b.node("matmul", w, 0, b.node("call", "tanh", [x]))
        x = b.node("add", [x, b.node("mul", [half, g])])
    b.output((v, x), bias=c)
    return b.net


def rnn(length=3):
    b = Build()
    b.input(count=length)
    u, w, v = b.parameter("embedding", "U"), b.parameter("matrix", "W"), b.parameter("readout", "v")
    x = b.node("call", "tanh", [b.node("embed", u, 0, 0)])
    for part in range(1, length):
        x = b.node("call", "tanh", [b.node("add", [b.node("matmul", w, 0, x), b.node("embed", u, 0, part)])])
    b.output((v, x))
    return b.net


def tied(deep=False):
    """f = v^T W tanh(W^T tanh(U xi)): the counterexample to D.4.2."""
    b, u = start()
    w, v = b.parameter("matrix", "W"), b.parameter("readout", "v")
    x = b.node("call", "tanh", [b.node("embed", u, 0, 0)])
    g = b.node("matmul", w, 0, b.node("call", "tanh", [b.node("matmul", w, 1, x)]))
    x = b.node("call", "tanh", [g])
    if deep:
        h = b.node("matmul", w, 1, x)
        x = b.node("call", "tanh", [b.node("add", [h, g])])
    b.output((v, x))
    return b.net


def tied_linear():
    """The contracted MatMul is read linearly, by an output and by another MatMul: its responses appear."""
    b, u = start()
    w, v = b.parameter("matrix", "W"), b.parameter("readout", "v")
    x = b.node("call", "tanh", [b.node("embed", u, 0, 0)])
    g = b.node("matmul", w, 0, b.node("call", "tanh", [b.node("matmul", w, 1, x)]))
    b.output((v, b.node("add", [g, b.node("matmul", w, 0, g)])))
    return b.net


def parallel():
    """W and its transpose in parallel branches: both orientations, no contraction."""
    b, u = start()
    w, v = b.parameter("matrix", "W"), b.parameter("readout", "v")
    x = b.node("call", "tanh", [b.node("embed", u, 0, 0)])
    b.output((v, b.node("add", [b.node("matmul", w, 0, x), b.node("matmul", w, 1, x)])))
    return b.net


def layernorm():
    """Moments, powers of scalars, and a product of vectors."""
    b, u = start()
    w, v, bias = b.parameter("matrix", "W"), b.parameter("readout", "v"), b.parameter("bias", "gain")
    g = b.node("matmul", w, 0, b.node("call", "tanh", [b.node("embed", u, 0, 0)]))
    mean = b.node("mean", g)
    center = b.node("add", [g, b.node("mul", [b.node("const", "-1"), mean, b.node("ones")])])
    variance = b.node("mean", b.node("mul", [center, center]))
    scale = b.node("pow", b.node("add", [variance, b.node("const", "1/100")]), "-1/2")
    x = b.node("mul", [b.node("mul", [center, scale]), b.node("param", bias)])
    y = b.node("add", [x, g])
    b.output((v, b.node("call", "erf", [y])))
    return b.net


def outputs():
    """Two outputs that share one readout and a bias, and read a G-var, a nonlin and a linear form."""
    b, u = start()
    w, v0, v1 = b.parameter("matrix", "W"), b.parameter("readout", "v0"), b.parameter("readout", "v1")
    c = b.parameter("output_bias", "c", lr="1/3")
    x = b.node("call", "sin", [b.node("embed", u, 0, 0)])
    g = b.node("matmul", w, 0, x)
    y = b.node("call", "tanh", [g])
    b.output((v0, g), (v1, y), bias=c)
    b.output((v0, x), bias=c)
    return b.net


def gvar_output():
    """Untrained initial vectors and readout, a G-var read out: A1 to A4 hold."""
    b, u = start(lr="0")
    w, v = b.parameter("matrix", "W"), b.parameter("readout", "v", lr="0")
    b.output((v, b.node("matmul", w, 0, b.node("call", "tanh", [b.node("embed", u, 0, 0)]))))
    return b.net


def mixed():
    """Bases, linear forms and nonlins all meeting, with G-linear and other sums in the frontiers; an abstract call."""
    b, u = start()
    phi = b.function("phi", 2)
    w, v = b.parameter("matrix", "W"), b.parameter("readout", "v")
    e = b.node("embed", u, 0, 0)
    x = b.node("call", phi, [e, e])
    g = b.node("matmul", w, 0, e)
    h = b.node("matmul", w, 0, x)
    k = b.node("matmul", w, 0, b.node("add", [e, x]))
    total = b.node("add", [g, h, h])
    y = b.node("call", phi, [total, b.node("add", [k, b.node("call", "cos", [g])])])
    b.output((v, y))
    b.output((v, e))
    return b.net


def relu():
    return mlp(1, "relu")


def refused():
    return mlp(1, "step")


NETWORKS = {
    "mlp1": mlp(1),
    "mlp2": mlp(2, std=["mul", ["3", ["pow", "2", "1/2"]]], lr="1/2"),
    "residual": residual(),
    "rnn": rnn(),
    "tied": tied(),
    "tied-deep": tied(True),
    "tied-linear": tied_linear(),
    "parallel": parallel(),
    "layernorm": layernorm(),
    "outputs": outputs(),
    "gvar-output": gvar_output(),
    "mixed": mixed(),
    "relu": relu(),
}
