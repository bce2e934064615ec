"""A torch network cut in two: a body that gives features, and the linear layer that ends it.

So it can be trained, scored and exported as timm's networks are, and its outputs become the one
logit of FAKE without any rounding: what a softmax makes of two outputs depends on their difference
alone, which is a linear layer too.
"""

from typing import cast

import torch
from torch import Tensor, nn

from base_models.frozen.card import Outputs


class Headed(nn.Module):
    """A body, (n, 3, size, size) normalised -> features (n, c), and a linear head of k outputs."""

    def __init__(self, body: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Outputs (n, k)."""
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """Features (n, c)."""
        return cast(Tensor, self.body(images))

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Outputs (n, k) of features (n, c); with `pre_logits` the features themselves."""
        return features if pre_logits else cast(Tensor, self.head(features))

    def get_classifier(self) -> nn.Linear:
        """The last layer."""
        return self.head


def cut(network: nn.Module, head: str) -> Headed:
    """`network` in two, at its last layer called `head`.

    Raises:
        TypeError: that is no linear layer.
    """
    last = network.get_submodule(head)
    if not isinstance(last, nn.Linear):
        raise TypeError(f"{head} is a {type(last).__name__}, not a linear layer")
    parent, _, name = head.rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return Headed(network, last)


class LogOdds(nn.Module):
    """A body and a head of several outputs as a body of one feature: the log odds of FAKE.

    logsumexp over the outputs of FAKE less logsumexp over those of REAL, in float32: a bf16 logit
    is too coarse for log loss.
    """

    def __init__(self, body: nn.Module, head: nn.Linear, outputs: Outputs) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.fake = list(outputs.fake)
        self.real = list(outputs.real)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 3, size, size) -> log odds (n, 1)."""
        features = self.body(images)
        with torch.autocast(features.device.type, enabled=False):
            values = self.head(features.float())
            above = values[:, self.fake].logsumexp(dim=1, keepdim=True)
            return cast(Tensor, above - values[:, self.real].logsumexp(dim=1, keepdim=True))


def of_one_output(network: Headed, outputs: Outputs) -> Headed:
    """A network that gives the one logit of FAKE, (n, 1), from one that gives `outputs`."""
    head = one_output(network.head, outputs)
    if head is not None:
        return Headed(network.body, head)
    unity = nn.Linear(1, 1)
    nn.init.ones_(unity.weight)
    nn.init.zeros_(unity.bias)
    return Headed(LogOdds(network.body, network.head, outputs), unity)


def one_output(head: nn.Linear, outputs: Outputs) -> nn.Linear | None:
    """The linear layer that gives the logit of FAKE; None where one alone cannot.

    `head` gives logits, (c,) -> (k,), of which `outputs` says what they mean. Where one of them
    means FAKE and one REAL, the logit is linear in the features; else a difference of logsumexps.
    """
    if len(outputs.fake) > 1 or len(outputs.real) > 1:
        return None
    weight = torch.zeros(1, head.in_features, dtype=torch.float64)
    bias = torch.zeros(1, dtype=torch.float64)
    for sign, positions in ((1, outputs.fake), (-1, outputs.real)):
        for position in positions:
            weight += sign * head.weight.detach().double()[position]
            if head.bias is not None:
                bias += sign * head.bias.detach().double()[position]
    single = nn.Linear(head.in_features, 1)
    single.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return single
