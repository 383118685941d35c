"""What the zoo's names mean in the literature, written by hand with PyTorch's own layers where it has them.

Each function takes the constants of the `.tp` text, one draw of the tensors that multiply (W, U, b, v by name) and an
input of (parts, d), and gives all outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.dense.interpreter import FUNCTIONS

Constants = Mapping[str, Any]
Weights = Mapping[str, Tensor]
Reference = Callable[[Constants, Weights, Tensor], Tensor]


def phi(c: Constants) -> Callable[..., Tensor]:
    return FUNCTIONS[c["phi"]]


def stacked(outputs: Sequence[Tensor]) -> Tensor:
    return torch.stack([f.reshape(()) for f in outputs])


def read_states(c: Constants, w: Weights, states: Tensor) -> Tensor:
    """The readout of a recurrent network's states (T, n): after each length, after each step, or at the end."""
    ends = c["lengths"] or (range(1, len(states) + 1) if c["read"] == "every" else [len(states)])
    average = c["read"] == "average"
    return stacked([(states[:end].mean(0) if average else states[end - 1]) @ w["v"] for end in ends])


def loaded(module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    module.load_state_dict(dict(tensors))
    return module.double()


# feed-forward -----------------------------------------------------------------------------------------


def mlp(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(F.linear(xi[0], w["U"], w["b0"]))
    for layer in range(1, c["L"]):
        x = phi(c)(F.linear(x, w[f"W{layer}"], w[f"b{layer}"]))
    return F.linear(x, w["v"][None], w["c"])


def mlp1(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    return phi(c)(xi @ w["U"].T) @ w["v"]


def mlp2(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    return phi(c)(phi(c)(xi @ w["U"].T) @ w["W"].T) @ w["v"]


def batch(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(F.linear(xi, w["U"], w["b0"]))
    for layer in range(c["L"] - 1):
        x = phi(c)(F.linear(x, w[f"W{layer}"], w[f"b{layer + 1}"]))
    return (x @ torch.stack([w[f"v{k}"] for k in range(c["m"])], 1)).flatten()  # example by example


def bottleneck(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(F.linear(xi, w["U"], w["b0"]))
    for layer in range(1, len(c["widths"])):
        x = phi(c)(F.linear(x, w[f"W{layer}"], w[f"b{layer}"]))
    return x @ w["v"]


def multi_output(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(F.linear(xi[0], w["U"], w["b0"]))
    for layer in range(1, c["L"]):
        x = phi(c)(F.linear(x, w[f"W{layer}"], w[f"b{layer}"]))
    if c["shared"]:
        return stacked([phi(c)(w[f"V{k}"] @ x) @ w["v"] for k in range(c["m"])])
    return torch.cat([F.linear(x, w[f"v{k}"][None], w[f"c{k}"]) for k in range(c["m"])])


def siamese(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(F.linear(xi, w["U"], w["b0"]))
    for layer in range(c["L"] - 1):
        x = phi(c)(F.linear(x, w[f"W{layer}"], w[f"b{layer + 1}"]))
    return (torch.prod(x, 0) @ w["v"] + torch.square(x[0] - x[1]) @ w["u"]).reshape(1)


def square(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    return torch.square(xi @ w["U"].T) @ w["v"]


def twice(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    return 2 * phi(c)(xi @ w["U"].T) @ w["W"].T @ w["v"]


def tied(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    return phi(c)(phi(c)(xi @ w["U"].T) @ w["W"]) @ w["W"].T @ w["v"]


def tied_autoencoder(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(xi @ w["U"].T)
    for layer in range(c["L"]):
        x = phi(c)(F.linear(x, w[f"W{layer}"], w[f"b{layer}"]))
    for layer in reversed(range(c["L"])):
        x = phi(c)(F.linear(x, w[f"W{layer}"].T, w[f"c{layer}"]))
    return x @ w["v"]


def densenet(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """Huang et al. 2017: a layer reads the concatenation of all before it."""
    x = [phi(c)(xi[0] @ w["U"].T)]
    for layer in range(1, c["L"] + 1):
        weight = torch.cat([w[f"W{layer}_{k}"] for k in range(layer)], dim=1)
        x.append(phi(c)(F.linear(torch.cat(x), weight)))
    return stacked([x[-1] @ w["v"]])


def resmlp(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = xi[0] @ w["U"].T
    for layer in range(c["L"]):
        x = x + F.linear(phi(c)(x), w[f"W{0 if c['shared'] else layer}"])
    return stacked([phi(c)(x) @ w["v"]])


def resnet(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """He et al. 2015 (post-activation) and 2016 (pre-activation), with linear layers."""
    act, pre = phi(c), c["form"] == "pre"
    x = F.linear(xi[0], w["U"], w["b"])
    x = x if pre else act(x)
    for layer in range(c["L"]):
        y = act(x) if pre else x
        for k in range(c["matrices"]):
            y = F.linear(act(y) if k else y, w[f"W{layer}_{k}"], w[f"b{layer}_{k}"])
        x = x + c["skip"] * y
        x = x if pre else act(x)
    return stacked([(act(x) if pre else x) @ w["v"]])


# normalization ----------------------------------------------------------------------------------------


def batchnorm(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    h = xi @ w["U"].T
    for layer in range(c["L"]):
        weight, bias = 1 + w[f"gain{layer}"], w[f"beta{layer}"]
        x = phi(c)(F.batch_norm(h, None, None, weight, bias, training=True, eps=c["eps"]))
        if layer < c["L"] - 1:
            h = x @ w[f"W{layer}"].T
    return x @ w["v"]


def cnn_batchnorm(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x, left = xi.reshape(c["B"], c["P"], -1).transpose(1, 2), c["taps"] // 2  # (examples, channels, positions)
    for layer in range(c["L"]):
        weight = torch.stack([w[f"W{layer}_{k}" if layer else f"U_{k}"] for k in range(c["taps"])], dim=2)
        h = F.conv1d(F.pad(x, (left, c["taps"] - 1 - left), mode="circular"), weight)
        gain, beta = 1 + w[f"gain{layer}"], w[f"beta{layer}"]
        x = phi(c)(F.batch_norm(h, None, None, gain, beta, training=True, eps=c["eps"]))
    return x.mean(2) @ w["v"]


def layer_norm(x: Tensor, gain: Tensor, beta: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], 1 + gain, beta, eps)


def layernorm(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    h = xi @ w["U"].T
    for layer in range(c["L"]):
        x = phi(c)(layer_norm(h, w[f"gain{layer}"], w[f"beta{layer}"], c["eps"]))
        if layer < c["L"] - 1:
            h = x @ w[f"W{layer}"].T
    return x @ w["v"]


def rmsnorm(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = xi @ w["U"].T
    for layer in range(c["L"]):
        normal = F.rms_norm(x, x.shape[-1:], 1 + w[f"gain{layer}"], c["eps"])
        x = x + phi(c)(normal) @ w[f"W{layer}"].T
    return x @ w["v"]


# convolutions and graphs ------------------------------------------------------------------------------


def read_positions(c: Constants, w: Weights, x: Tensor) -> Tensor:
    """x of (channels, positions): a readout of every position, or of the mean."""
    if c["read"] == "pool":
        return stacked([x.mean(1) @ w["v"]])
    return stacked([sum(x[:, p] @ w[f"v{p}"] for p in range(x.shape[1]))])  # type: ignore[list-item]


def cnn1d(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x, side = xi.T[None], c["taps"] // 2  # (1, channels, positions)
    for layer in range(c["L"]):
        name = f"W{layer}_" if layer else "U_"
        weight = torch.stack([w[f"{name}{k}"] for k in range(c["taps"])], dim=2)
        if c["padding"] == "circular":
            x = F.pad(x, (side, side), mode="circular")
        padding = side if c["padding"] == "same" else 0
        x = phi(c)(F.conv1d(x, weight, w[f"b{layer}"], stride=c["stride"], padding=padding))
        x = F.avg_pool1d(x, c["pool"])
    return read_positions(c, w, x[0])


def cnn2d(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x, side, taps = xi.T.reshape(1, -1, c["rows"], c["columns"]), c["taps"] // 2, c["taps"]
    for layer in range(c["L"]):
        name = f"W{layer}_" if layer else "U_"
        kernel = [torch.stack([w[f"{name}{i}_{j}"] for j in range(taps)], dim=2) for i in range(taps)]
        if c["padding"] == "circular":
            x = F.pad(x, (side,) * 4, mode="circular")
        padding = side if c["padding"] == "same" else 0
        x = phi(c)(F.conv2d(x, torch.stack(kernel, dim=2), w[f"b{layer}"], stride=c["stride"], padding=padding))
        x = F.avg_pool2d(x, c["pool"])
    return read_positions(c, w, x[0].flatten(1))


def rescnn(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    act, pre, side = phi(c), c["form"] == "pre", c["taps"] // 2
    x = (w["U"] @ xi.T)[None]
    x = x if pre else act(x)
    for layer in range(c["L"]):
        weight = torch.stack([w[f"W{layer}_{k}"] for k in range(c["taps"])], dim=2)
        y = F.pad(act(x) if pre else x, (side, side), mode="circular")
        x = x + F.conv1d(y, weight, w[f"b{layer}"])
        x = x if pre else act(x)
    return read_positions(c, w, (act(x) if pre else x)[0])


def gcn(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """Kipf & Welling 2017."""
    loops = torch.tensor(c["A"], dtype=torch.float64) + torch.eye(len(c["A"]))
    root = torch.diag(loops.sum(1) ** -0.5)
    x = xi
    for layer in range(c["L"]):
        x = phi(c)(root @ loops @ root @ x @ w[f"W{layer}" if layer else "U"].T + w[f"b{layer}"])
    return x @ w["v"] if c["read"] == "every" else stacked([x.mean(0) @ w["v"]])


# recurrent --------------------------------------------------------------------------------------------


def recurrent_layer(
    kind: str, x: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor | None = None
) -> Tensor:
    """One layer of torch's RNN, LSTM or GRU over x of (T, d): its states (T, n)."""
    layer = {"tanh": nn.RNN, "relu": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
    options = {"nonlinearity": kind} if layer is nn.RNN else {}
    zero = torch.zeros_like(b_ih) if b_hh is None else b_hh
    tensors = {"weight_ih_l0": w_ih, "weight_hh_l0": w_hh, "bias_ih_l0": b_ih, "bias_hh_l0": zero}
    module = loaded(layer(w_ih.shape[1], w_hh.shape[1], **options), tensors)
    states: Tensor = module(x)[0].detach()
    return states


def rnn(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    return read_states(c, w, recurrent_layer(c["phi"], xi, w["U"], w["W"], w["b"]))


def stacked_rnn(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    module = nn.RNN(xi.shape[1], len(w["v"]), num_layers=c["L"], nonlinearity=c["phi"])
    tensors = {}
    for layer in range(c["L"]):
        tensors[f"weight_ih_l{layer}"] = w[f"V{layer}"] if layer else w["U"]
        tensors[f"weight_hh_l{layer}"] = w[f"W{layer}"]
        tensors[f"bias_ih_l{layer}"] = w[f"b{layer}"]
        tensors[f"bias_hh_l{layer}"] = torch.zeros_like(w[f"b{layer}"])
    return read_states(c, w, loaded(module, tensors)(xi)[0].detach())


def deq(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """Bai et al. 2019: a recurrent network with the same input at every step."""
    states = recurrent_layer(c["phi"], xi.expand(c["L"], -1), w["U"], w["W"], w["b"])
    return stacked([states[-1] @ w["v"]])


def lstm(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """torch's LSTM (Hochreiter & Schmidhuber 1997 with forget gates), or its cell with other functions."""
    if (c["phi"], c["gate"]) == ("tanh", "sigmoid"):
        u, m, b = (torch.cat([w[f"{kind}{gate}"] for gate in "ifgo"]) for kind in "UWb")
        return read_states(c, w, recurrent_layer("lstm", xi, u, m, b))
    h, memory, states = torch.zeros_like(w["v"]), torch.zeros_like(w["v"]), []
    gate = FUNCTIONS[c["gate"]]
    for x in xi:
        i, f, g, o = (F.linear(x, w[f"U{k}"], w[f"b{k}"]) + w[f"W{k}"] @ h for k in "ifgo")
        memory = gate(f) * memory + gate(i) * phi(c)(g)
        h = gate(o) * phi(c)(memory)
        states.append(h)
    return read_states(c, w, torch.stack(states))


def gru(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """torch's GRU (Cho et al. 2014, second version), or the first version, which the paper has."""
    if (c["form"], c["phi"], c["gate"]) == ("torch", "tanh", "sigmoid"):
        u, m, b = (torch.cat([w[f"{kind}{gate}"] for gate in "rzn"]) for kind in "UWb")
        zero = torch.zeros_like(w["c"])
        return read_states(c, w, recurrent_layer("gru", xi, u, m, b, torch.cat([zero, zero, w["c"]])))
    h, states, gate = torch.zeros_like(w["v"]), [], FUNCTIONS[c["gate"]]
    for x in xi:
        r, z = (gate(F.linear(x, w[f"U{k}"], w[f"b{k}"]) + w[f"W{k}"] @ h) for k in "rz")
        state = w["Wn"] @ (r * h) if c["form"] == "yang" else r * F.linear(h, w["Wn"], w["c"])
        n = phi(c)(F.linear(x, w["Un"], w["bn"]) + state)
        h = torch.lerp(n, h, z)
        states.append(h)
    return read_states(c, w, torch.stack(states))


# attention --------------------------------------------------------------------------------------------


def heads_of(c: Constants, w: Weights, x: Tensor, prefix: str) -> Tensor:
    """``[head, token, n]``: scaled dot-product attention of each head, logits qᵀk/n."""
    names = [f"{prefix}{k}" for k in range(c["heads"])]
    q = torch.stack([x @ w[f"Q{name}"].T for name in names])
    k = q if c["tied"] else torch.stack([x @ w[f"K{name}"].T for name in names])
    v = torch.stack([x @ w[f"V{name}"].T for name in names])
    return F.scaled_dot_product_attention(q, k, v, is_causal=c["causal"], scale=1 / q.shape[-1])


def attention(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    x = phi(c)(xi @ w["U"].T)
    return stacked([phi(c)(heads_of(c, w, x, "").sum(0)).mean(0) @ w["v"]])


def transformer(c: Constants, w: Weights, xi: Tensor) -> Tensor:
    """Vaswani et al. 2017 (post-norm), Xiong et al. 2020 (pre-norm), Dehghani et al. 2019 (shared)."""
    x = xi @ w["U"].T + torch.stack([w[f"position{t}"] for t in range(c["T"])])
    for block in range(c["L"]):
        layer = 0 if c["shared"] else block

        def norm(y: Tensor, part: int, layer: int = layer) -> Tensor:
            return layer_norm(y, w[f"gain{layer}_{part}"], w[f"beta{layer}_{part}"], c["eps"])

        def attend(y: Tensor, layer: int = layer) -> Tensor:
            mixed = heads_of(c, w, y, f"{layer}_")
            return sum(mixed[k] @ w[f"O{layer}_{k}"].T for k in range(c["heads"]))  # type: ignore[return-value]

        def feed(y: Tensor, layer: int = layer) -> Tensor:
            hidden = phi(c)(F.linear(y, w[f"W{layer}_1"], w[f"b{layer}_1"]))
            return F.linear(hidden, w[f"W{layer}_2"], w[f"b{layer}_2"])

        for part, sublayer in enumerate((attend, feed)):
            x = x + sublayer(norm(x, part) if c["norm"] == "pre" else x)
            x = norm(x, part) if c["norm"] == "post" else x
    return x @ w["v"] if c["read"] == "every" else stacked([x.mean(0) @ w["v"]])


REFERENCES: dict[str, Reference] = {
    f.__name__: f
    for f in (
        attention, batch, batchnorm, bottleneck, cnn_batchnorm, cnn1d, cnn2d, densenet, deq, gcn, gru, layernorm, lstm,
        mlp, mlp1, mlp2, multi_output, rescnn, resmlp, resnet, rmsnorm, rnn, siamese, square, stacked_rnn, tied,
        tied_autoencoder, transformer, twice,
    )
}  # fmt: skip
"""Zoo name → the network that it means."""
