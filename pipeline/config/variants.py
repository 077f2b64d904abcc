"""The section `variants`: DFANet's networks as points of a space, and the networks of other papers."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from models import space
from models.interpretation import INTERPRETATIONS
from pipeline.config.types import Model, Name, Number, Whole, one_of


class Trained(Model):
    """How the training of a variant differs from its study's recipe: keys of `training`, and whether it is pretrained.

    So loss, optimiser, schedule, augmentation or pretraining can be what a study compares.
    """

    training: dict[Name, Any] = {}
    scratch: Annotated[bool, Field(strict=True)] = False
    """Whether the backbone starts from random weights although the study pretrains it."""

    @property
    def network(self) -> dict[str, Any]:
        """What `models.build.build` takes."""
        return {key: value for key, value in self.model_dump(mode="json").items() if key not in Trained.model_fields}


class Variant(Trained):
    """A point in DFANet's space of networks; models/ says what each value means.

    `scale` is of each side of the image that the network sees.
    """

    structure: Annotated[str, one_of("structure", space.STRUCTURES)]
    backbone: Annotated[str, one_of("backbone", space.BACKBONES)]
    attention: Annotated[str, one_of("attention", space.ATTENTIONS)]
    networks: Annotated[Whole, Field(ge=1, le=4)]
    decoder: Annotated[str, one_of("decoder", space.DECODERS)]
    scale: Annotated[Number, Field(ge=0.05, le=2)] = 1.0
    interpretation: Annotated[str, one_of("interpretation", [*INTERPRETATIONS])] = "first"

    @property
    def module(self) -> Path:
        """The file of its structure."""
        return Path("models/structures", space.file_name(self.structure))

    @property
    def pretrained(self) -> str:
        """What pretraining makes for it, by the name that `models.network.Classifier` takes."""
        part = "residuals" if self.backbone == "resnet-50" else "blocks"
        own = getattr(INTERPRETATIONS[self.interpretation], part)
        name = next(name for name, each in INTERPRETATIONS.items() if getattr(each, part) == own)
        return self.backbone if name == "first" else f"{self.backbone}-{name}"

    @model_validator(mode="after")
    def _has_as_many_networks_as_its_structure_connects(self) -> "Variant":
        single = self.structure in space.SINGLE_NETWORK
        if single != (self.networks == 1):
            allowed = "one network" if single else "2 to 4 networks"
            raise ValueError(f"structure {self.structure} has {allowed}, not {self.networks}")
        return self

    @model_validator(mode="after")
    def _all_of_it_is_used(self) -> "Variant":
        if self.structure in space.NEEDS_DECODER and self.decoder == "none":
            raise ValueError(
                f"structure {self.structure} joins its networks in the decoder: decoder must be HL or HL+LL, not none"
            )
        single = self.structure in space.SINGLE_NETWORK
        if self.backbone == "resnet-50" and not (single and self.decoder == "none"):
            raise ValueError(
                "backbone resnet-50 has no stages to aggregate or to fuse: structure must be "
                f"{' or '.join(space.SINGLE_NETWORK)} and decoder none, not {self.structure} and {self.decoder}"
            )
        return self


def _named_with_underscores(peer: str) -> str:
    wrong = next((file for file in space.misnamed("peers") if file.stem == peer), None)
    if wrong:
        raise ValueError(f"models/peers/{wrong.name} cannot be imported; rename it {space.file_name(peer)}")
    return peer


class Peer(Trained):
    """A network of another paper: the name of its module in models/peers."""

    peer: Annotated[str, one_of("peer", space.PEERS), AfterValidator(_named_with_underscores)]

    @property
    def module(self) -> Path:
        """The file that defines it."""
        return Path("models/peers", space.file_name(self.peer))


def _tag(variant: Any) -> str:
    return "peer" if isinstance(variant, Peer) or (isinstance(variant, dict) and "peer" in variant) else "dfanet"


AnyVariant = Annotated[Annotated[Variant, Tag("dfanet")] | Annotated[Peer, Tag("peer")], Discriminator(_tag)]
