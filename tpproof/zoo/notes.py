"""What the pages of the zoo say about an architecture that no program can say by itself."""

from __future__ import annotations

from dataclasses import dataclass

from tpproof.zoo import VARIANTS


@dataclass(frozen=True)
class Note:
    """Context for one entry, in Markdown.

    Parameters
    ----------
    about
        One or two sentences.
    look_at
        What the drawing, the kernel or the certificate show.
    literature
        Where the architecture, or its kernel, comes from.
    paper
        Where Tensor Programs IIb has it.
    others
        What other tools do with it, where that is known.
    """

    about: str
    look_at: str
    literature: str = ""
    paper: str = ""
    others: str = ""


def note(name: str) -> Note | None:
    """The note of an entry, or that of the architecture that it is a variant of."""
    return NOTES.get(name) or NOTES.get(VARIANTS.get(name, ("", {}))[0])


_NO_SHARING = "neural-tangents 0.6 has no recurrence: a weight has no name there, so it cannot be used twice."

NOTES: dict[str, Note] = {
    "attention": Note(
        about="Self-attention whose logits are averages, qᵀk/n, so that in the limit they are numbers: scalars of a "
        "NETSOR⊤⁺ program, computed by Moments.",
        look_at="The squares in the drawing: a Moment for each pair of tokens, then the softmax. Nothing flows back "
        "through them (D.4.5), so the kernel has no terms with derivatives of the softmax.",
        literature="Bahdanau et al. 2015; Vaswani et al. 2017; kernel: Hron et al. 2020",
        paper="Figure 4, Appendix C",
        others="neural-tangents 0.6 takes infinitely many heads and, at scale 1/n, queries and keys that share one "
        "matrix.",
    ),
    "attention_root": Note(
        about="The scaling of practice, qᵀk/√n. With independent queries and keys such a logit stays random however "
        "wide the network; with tied ones it grows. Neither is a scalar with a limit, so the theorem says "
        "nothing.",
        look_at="The ledger, which names the instruction at fault. [attention](attention.md) is the same network "
        "repaired.",
        literature="Vaswani et al. 2017; Hron et al. 2020 for infinitely many heads",
        paper="Figure 4 (with 1/n)",
        others="neural-tangents 0.6 raises an error for softmax at scale 1/√n.",
    ),
    "attention_untied": Note(
        about="Two heads, each with queries and keys of its own.",
        look_at="Queries and keys from independent matrices have logits whose limit is 0: attention is uniform in the "
        "limit. Their matrices get no terms of their own in the kernel, for nothing flows back through a "
        "Moment.",
        literature="Vaswani et al. 2017; Hron et al. 2020",
        paper="Figure 4, Appendix C",
    ),
    "batch": Note(
        about="A batch is a network with several inputs and outputs: the kernel becomes a matrix over examples and "
        "heads.",
        look_at="One block for each pair of outputs. Different heads do not meet: their kernels vanish.",
        paper="D.4.3",
    ),
    "batchnorm": Note(
        about="Batch normalization in training mode: each example is normalized by the statistics of its batch, "
        "coordinate by coordinate. Those are vectors, not Moments, so the examples are mixed by NonLins.",
        look_at="The kernel couples every example with every other one. The ε inside the root is what makes the "
        "NonLin smooth: without it the ledger refuses.",
        literature="Ioffe & Szegedy 2015; at initialization: Yang et al. 2019",
        paper="D.4.3",
        others="neural-tangents 0.6 has no batch normalization.",
    ),
    "bottleneck": Note(
        about="Layers whose widths go to infinity at a fixed ratio, here 1 : 1/4 : 2.",
        look_at="Each matrix is used in one direction only, so the ratios do not show in the kernel: it is that of "
        "equal widths.",
        paper="Section 5, extension 2",
    ),
    "cnn_batchnorm": Note(
        about="Batch normalization in a convolutional network: mean and variance of a channel are over examples and "
        "positions together.",
        look_at="As in `batchnorm`, the statistics are vectors and mix by NonLins: here every position of every "
        "example with every other one.",
        literature="Ioffe & Szegedy 2015",
        paper="D.4.3",
        others="neural-tangents 0.6 has no batch normalization.",
    ),
    "cnn1d": Note(
        about="A convolution is a sum over filter taps, each a matrix that all positions share.",
        look_at="Paths at different positions are isomorphic when they take the same taps: that is where the kernel "
        "of a convolution differs from that of a locally connected network.",
        literature="Fukushima 1980; LeCun et al. 1998; kernel: Arora et al. 2019",
        paper="Figure 5, Appendix C",
        others="neural-tangents 0.6 has `Conv`.",
    ),
    "cnn2d": Note(
        about="The same over an image, averaged over positions at the end.",
        look_at="Thousands of pairs of paths: they are counted, not listed, and the kernel is given by its recursion.",
        literature="LeCun et al. 1998; kernel: Arora et al. 2019; Novak et al. 2019",
        paper="Figure 5, Appendix C",
        others="neural-tangents 0.6 has `Conv` with pooling, at a cost quadratic in the number of positions.",
    ),
    "cnn2d_flatten": Note(
        about="An image flattened into one long vector: every position has a readout of its own.",
        look_at="Positions meet at the output only with themselves, so the kernel is a sum of one path sum for each "
        "position; compare [cnn2d](cnn2d.md).",
        literature="LeCun et al. 1998; Arora et al. 2019; Novak et al. 2019",
        paper="Figure 5, Appendix C",
    ),
    "densenet": Note(
        about="Each layer reads all layers before it, through a matrix for each.",
        look_at="The number of pairs of paths grows exponentially with the depth, the proof polynomially.",
        literature="Huang et al. 2017",
    ),
    "deq": Note(
        about="A deep equilibrium network, its fixed-point iteration unrolled: one matrix at every depth, the input "
        "injected at every depth.",
        look_at="It is an RNN fed the same input all the time; the kernel's terms pair different depths with each "
        "other.",
        literature="Bai et al. 2019; kernel: Feng & Kolter 2020",
        others=_NO_SHARING,
    ),
    "gcn": Note(
        about="Graph convolution: a matrix shared by all nodes, then a sum over neighbours with fixed coefficients.",
        look_at="The graph enters as the coefficients of linear combinations, exactly: 1/√6 stays 1/√6.",
        literature="Kipf & Welling 2017; kernel: Du et al. 2019",
        others="neural-tangents 0.6 has `Aggregate`.",
    ),
    "gcn_pool": Note(
        about="The same on a cycle of four nodes, with one output: the mean over the nodes.",
        look_at="Every node has degree 3 with its loop, so all coefficients are 1/3. Permuting the nodes along the "
        "cycle is a symmetry of the network.",
        literature="Kipf & Welling 2017; kernel: Du et al. 2019",
        others="neural-tangents 0.6 has `Aggregate`.",
    ),
    "gru": Note(
        about="The gated recurrent unit as Tensor Programs write it: the reset gate multiplies the state before the "
        "matrix.",
        look_at="The reset gate stands before the dashed edge of Wn. [gru_torch](gru_torch.md) is another network, "
        "with another kernel.",
        literature="Cho et al. 2014; Yang 2019",
        others=_NO_SHARING,
    ),
    "gru_torch": Note(
        about="The gated recurrent unit as PyTorch has it: the reset gate multiplies W h + c, after the matrix.",
        look_at="Compare the drawing with that of [gru](gru.md): the reset gate stands behind the dashed edge of Wn.",
        literature="Cho et al. 2014; `torch.nn.GRU`",
        others=_NO_SHARING,
    ),
    "layernorm": Note(
        about="Layer normalization: mean and variance over the coordinates are Moments, so in the limit they are "
        "numbers.",
        look_at="Nothing flows back through mean and variance (D.4.5). The gain starts at 1 and is trained: it adds a "
        "term.",
        literature="Ba et al. 2016",
        paper="Figure 4, Appendix C",
        others="neural-tangents 0.6 has LayerNorm without gain and bias, for Gaussian inputs only.",
    ),
    "lstm": Note(
        about="Long short-term memory: four gates with matrices, embeddings and biases of their own, shared over "
        "time.",
        look_at="Four dashed edges leave each state. The kernel's expectations are over several gates at once.",
        literature="Hochreiter & Schmidhuber 1997",
        others=_NO_SHARING,
    ),
    "mlp": Note(
        about="The plain network, with everything trained: input layer, biases, readout, output bias.",
        look_at="The paper's proof trains matrices only; D.4.1 adds the rest, and the ledger says that it was needed.",
        literature="Jacot et al. 2018",
        paper="Figures 1 to 3, D.4.1",
        others="neural-tangents 0.6 gives its kernel as numbers; tanh by quadrature, without an error estimate.",
    ),
    "mlp1": Note(
        about="The paper's first example, with an abstract φ: the kernel is for every smooth φ at once.",
        look_at="One pair of paths. φ is declared smooth by the user, and the ledger says `declared`.",
        literature="Jacot et al. 2018",
        paper="Section 3.1, A.1",
    ),
    "mlp2": Note(
        about="The paper's second example, with an abstract φ: the first matrix that is infinite on both sides.",
        look_at="Two pairs of paths. Were the Wᵀ of backpropagation independent of W, f would not move, the paper "
        "remarks.",
        literature="Jacot et al. 2018",
        paper="Section 3.2, A.2, Figure 7",
    ),
    "multi_output": Note(
        about="Several outputs of one network, each with a readout and an output bias of its own.",
        look_at="Readouts are independent, so the kernel is diagonal in the outputs.",
        paper="D.4.3",
    ),
    "rescnn": Note(
        about="Residual blocks of convolutions in the pre-activation form, without normalization.",
        look_at="The stream is a linear combination and stays one: no expectation is taken at a sum.",
        literature="He et al. 2016; kernel: Arora et al. 2019",
        paper="Figure 5",
    ),
    "rescnn_post": Note(
        about="The original residual block: the ReLU stands on the skip path.",
        look_at="ReLU has a kink, which Setup 5.2 does not allow: the verdict is conditional on Remark B.6.",
        literature="He et al. 2016",
        paper="Figure 5, Remark B.6",
        others="neural-tangents 0.6 raises an error for a sum of what is no mean-zero Gaussian, as behind a ReLU.",
    ),
    "resmlp": Note(
        about="The shortest residual network: x + W φ(x), without biases.",
        look_at="The same stream at a depth of 1000 is proved and checked in about a second: sums stay sums.",
        literature="He et al. 2016",
    ),
    "resnet": Note(
        about="Residual blocks in the pre-activation form, with biases, several matrices in a block where wanted.",
        look_at="Each bias and each matrix adds its terms; the stream itself is never collapsed into a NonLin.",
        literature="He et al. 2016",
    ),
    "resnet_post": Note(
        about="The original residual block without convolutions: φ(x + W x + b), ReLU on the skip path.",
        look_at="ReLU has a kink, which Setup 5.2 does not allow: the verdict is conditional on Remark B.6.",
        literature="He et al. 2016",
        paper="Remark B.6",
        others="neural-tangents 0.6 raises an error for a sum of what is no mean-zero Gaussian, as behind a ReLU.",
    ),
    "rmsnorm": Note(
        about="Normalization by the root mean square alone, as in recent language models, in a residual stream.",
        look_at="One Moment a layer. The ε under the root keeps the scalar away from 0; the ledger needs it.",
        literature="Zhang & Sennrich 2019",
        paper="Figure 4",
    ),
    "rnn": Note(
        about="W, U and b are shared by all steps, so paths of different times can be isomorphic.",
        look_at="Compare with the paper's Figures 1 to 3, where the same network illustrates paths and isomorphism.",
        literature="Elman 1990; kernel: Alemohammad et al. 2020; Yang 2020a",
        paper="Figures 1, 2 and 3",
        others=_NO_SHARING,
    ),
    "rnn_average": Note(
        about="The same recurrent network, read through the mean of its states instead of the last one.",
        look_at="Every pair of times contributes: compare the number of pairs of paths with that of [rnn](rnn.md).",
        literature="Alemohammad et al. 2020; Yang 2020a",
        paper="Figures 1 to 3",
        others=_NO_SHARING,
    ),
    "rnn_lengths": Note(
        about="Two lengths of sequence in one proof: an output after two steps and one after four.",
        look_at="The kernel between a short and a long sequence is the entry of the two different outputs.",
        literature="Alemohammad et al. 2020; Yang 2020a",
        paper="Figures 1 to 3",
        others=_NO_SHARING,
    ),
    "siamese": Note(
        about="Two inputs through one and the same network, compared by a product and a squared distance.",
        look_at="The comparing NonLins read G-vars of both inputs; their matrices are shared, so the branches are "
        "correlated.",
        literature="Bromley et al. 1993",
        others="neural-tangents 0.6 assumes that the branches of a product are independent, and does not check it.",
    ),
    "square": Note(
        about="The smallest network at which assuming independent factors goes wrong.",
        look_at="E (h̃ h)² of one Gaussian pair is q̃ q + 2 k²; were the factors independent it would be k².",
        others="neural-tangents 0.6 gives k² for the product of a branch with itself.",
    ),
    "stacked_rnn": Note(
        about="Recurrent layers on top of each other: weights shared along time, not along depth.",
        look_at="A grid of paths, right and up; those that take the same matrices in the same order are isomorphic.",
        literature="Graves et al. 2013",
        paper="Figures 1 to 3",
        others=_NO_SHARING,
    ),
    "tied": Note(
        about="A matrix and its transpose on one path. The paper says (D.4.2) that its proof goes through; for this "
        "network (107) fails.",
        look_at="The missing term: when training moves Wᵀx, W φ(Wᵀx) contains W Wᵀδx, which no path of Definition 5.5 "
        "has. The kernel of (100) is still right: see [the "
        "proof](../proof.md#w-and-wᵀ-on-one-path-the-decontraction-lemma).",
        paper="D.4.2",
        others=_NO_SHARING,
    ),
    "tied_autoencoder": Note(
        about="An autoencoder whose decoder is the transpose of its encoder, at half the width.",
        look_at="The same gap as [tied](tied.md); with W used in both directions the ratio of widths shows in the "
        "kernel.",
        literature="Vincent et al. 2010; Li & Nguyen 2019",
        paper="D.4.2; Section 5, extension 2",
        others=_NO_SHARING,
    ),
    "transformer": Note(
        about="Blocks of attention (logits 1/n) and an MLP with LayerNorm before each, position embeddings, mean "
        "over tokens.",
        look_at="Squares are Moments: means and variances of the norms, logits of attention. Everything else is a "
        "residual stream.",
        literature="Vaswani et al. 2017; Xiong et al. 2020 for the order of norms; kernel: Hron et al. 2020",
        paper="Figure 4, Appendix C",
        others="neural-tangents 0.6 has attention with infinitely many heads, LayerNorm without gain and bias.",
    ),
    "transformer_post": Note(
        about="The original order: LayerNorm after each residual sum; two heads, an output at every token.",
        look_at="Two norms stand on the stream itself, so paths cannot bypass them: compare "
        "[transformer](transformer.md).",
        literature="Vaswani et al. 2017",
        paper="Figure 4, Appendix C",
    ),
    "twice": Note(
        about="The smallest network at which assuming independent summands goes wrong: x + x.",
        look_at="The kernel behind the last layer is 4 times that of x. Two independent copies would give 2 times.",
        others="neural-tangents 0.6 gives 2 times for a sum of a branch with itself, with a warning.",
    ),
    "universal": Note(
        about="The Universal Transformer: one set of weights for all blocks, so depth behaves like time.",
        look_at="Compare with [transformer](transformer.md): paths through different blocks are isomorphic here.",
        literature="Dehghani et al. 2019",
        paper="Figure 4, Appendix C",
        others=_NO_SHARING,
    ),
}
