"""The small U-Net of blemishes, in torch: what it says, how wrong that is, and its ONNX file."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from dscope_blink.models.blemish_views import CHANNELS, KINDS
from dscope_blink.training.network_export import onnx_bytes_of
from dscope_blink.training.segmentation_lessons import IGNORED

WIDTHS = (8, 16, 32, 64)  # channels at 2, 4, 8 and 16 px
# How much a pixel of each kind counts: marks are one pixel in a hundred, and cracks and chips the rarest of them.
WEIGHTS = (1.0, 3.0, 3.0, 3.0, 4.0, 4.0)
RARE = 0.01  # share of pixels that are to hold a mark at first: it keeps the first steps from being lost
MOST_LOGIT = 30.0  # of which one as little as e^-60 beside it is left of another
SMOOTH = 50.0  # pixels: of a crop without marks, a few that are doubtful are no whole loss


def _block(channels: int, wanted: int) -> nn.Module:
    steps: list[nn.Module] = []
    for given in (channels, wanted):
        steps += [nn.Conv2d(given, wanted, 3, 1, 1, bias=False), nn.BatchNorm2d(wanted), nn.ReLU()]
    return nn.Sequential(*steps)


class BlemishNetwork(nn.Module):
    """Residual and zone, (n, 2, side, side), to logits of KINDS, (n, 6, side, side).

    O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
    DOI 10.1007/978-3-319-24574-4_28. Four pixels are taken as one with four times the channels, by which it costs a
    quarter of the time, and at the end each of the four gets its own answer.
    """

    def __init__(self) -> None:
        super().__init__()
        first = WIDTHS[0]
        before = (4 * CHANNELS, *WIDTHS[:-1])
        self.down = nn.ModuleList(_block(given, wanted) for given, wanted in zip(before, WIDTHS, strict=True))
        steps = tuple(zip(WIDTHS[1:], WIDTHS[:-1], strict=True))
        self.lift = nn.ModuleList(nn.Conv2d(low, high, 1) for low, high in reversed(steps))
        self.up = nn.ModuleList(_block(2 * high, high) for _, high in reversed(steps))
        self.head = nn.Conv2d(first, 4 * len(KINDS), 1)
        nn.init.constant_(self.head.bias, 0.0)
        with torch.no_grad():
            self.head.bias[:4] += torch.logit(torch.tensor(1 - RARE)) + torch.log(torch.tensor(float(len(KINDS) - 1)))

    def forward(self, shown: Tensor) -> Tensor:
        """Logits at every pixel."""
        return functional.pixel_shuffle(self.head(self.lifted(functional.pixel_unshuffle(shown, 2))), 2)

    def lifted(self, seen: Tensor) -> Tensor:
        """What the head is given, of four pixels taken as one."""
        kept = []
        for k, block in enumerate(self.down):
            seen = block(functional.max_pool2d(seen, 2) if k else seen)
            kept.append(seen)
        for lift, block, beside in zip(self.lift, self.up, reversed(kept[:-1]), strict=True):
            lifted = functional.interpolate(lift(seen), scale_factor=2.0, mode="nearest")
            seen = block(torch.cat((lifted, beside), 1))
        return seen


class _Exported(nn.Module):
    """The same with calibrated probabilities in place of logits, in the operators that ONNX Runtime is quickest at.

    Four pixels become one and one becomes four by convolutions; its softmax over channels takes three times as long as
    one that is written out, and a pass over them for their largest is spared by a bound that no logit comes near.
    """

    def __init__(self, network: BlemishNetwork, temperature: float, bias: Tensor) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        kinds = len(KINDS)
        # A channel of ones lifts the bias, which each of the four pixels has its own of, into the weights.
        self.apart = nn.ConvTranspose2d(WIDTHS[0] + 1, kinds, 2, 2, bias=False)
        self.together = nn.Conv2d(CHANNELS, 4 * CHANNELS, 2, 2, bias=False)
        head = network.head
        own = head.bias + bias.repeat_interleave(4)  # four times each: its channels are kind by kind
        with torch.no_grad():
            weights = torch.cat((head.weight[:, :, 0, 0], own[:, None]), 1) / temperature
            self.apart.weight.copy_(weights.reshape(kinds, 2, 2, -1).permute(3, 0, 1, 2))
            self.together.weight.copy_(torch.eye(4 * CHANNELS).reshape(-1, CHANNELS, 2, 2))

    def forward(self, shown: Tensor) -> Tensor:
        lifted = self.network.lifted(self.together(shown))
        logits = self.apart(torch.cat((lifted, torch.ones_like(lifted[:, :1])), 1))
        powers = torch.exp(torch.clamp(logits, -MOST_LOGIT, MOST_LOGIT))
        return powers / powers.sum(1, keepdim=True)


def loss_of(logits: Tensor, kinds: Tensor, counts: Tensor) -> Tensor:
    """How wrong logits are: weighted cross entropy and dice, of all marks together and of each kind.

    F. Milletari et al., "V-Net", 2016, DOI 10.1109/3DV.2016.79. Each mark counts by about the same, whatever its area:
    else the loss is that of the large ones, which anybody finds.

    Parameters
    ----------
    logits : (n, 6, side, side)
    kinds : (n, side, side) int64, index in KINDS or IGNORED
    counts : (n, side, side) how much each pixel counts; 0 where nothing is asked
    """
    asked = torch.where(kinds == IGNORED, 0, kinds)
    weights = counts * torch.tensor(WEIGHTS)[asked]
    entropy = functional.cross_entropy(logits, asked, reduction="none")
    chances = torch.softmax(logits, 1)
    wanted = functional.one_hot(asked, len(KINDS)).permute(0, 3, 1, 2)
    any_mark = _dice(1 - chances[:, :1], 1 - wanted[:, :1], counts)
    each = _dice(chances[:, 1:], wanted[:, 1:], counts)
    return (entropy * weights).sum() / weights.sum() + 0.5 * any_mark.mean() + 0.5 * each.mean()


def _dice(chances: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """1 less twice what both have in common over both, over the whole batch; (channels,)."""
    over, counts = (0, 2, 3), counts[:, None]
    common = (chances * wanted * counts).sum(over)
    return 1 - (2 * common + SMOOTH) / ((chances * counts).sum(over) + (wanted * counts).sum(over) + SMOOTH)


def onnx_bytes(network: BlemishNetwork, side_px: int, temperature: float, bias: tuple[float, ...]) -> bytes:
    """The ONNX file of a trained network, which gives calibrated probabilities."""
    exported = _Exported(network, temperature, torch.tensor(bias, dtype=torch.float32))
    return onnx_bytes_of(exported, (1, CHANNELS, side_px, side_px), "shown", "probabilities")
