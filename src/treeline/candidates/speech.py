"""Pretrained models that turn speech into text: any Whisper-style or CTC model of transformers in a folder.

As in `encoders.py`, weights are read from safetensors files only and no code that a folder may hold is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from treeline.candidates.encoders import hushed, refuse_drawn
from treeline.candidates.media import SOUND_HZ, ended
from treeline.errors import SetupError, shown
from treeline.problem.metric import Array

__all__ = ["BATCH", "Speech", "speech_model"]

BATCH = 8
"Clips that a Whisper-style model hears at once."
WORDY = 200
"New tokens of one clip of thirty seconds, at most."


def speech_model(folder: str) -> Speech:
    """Load the model of a folder.

    Raises:
        SetupError: transformers is not installed, or the folder holds no such model in safetensors files.
    """
    try:
        from safetensors import SafetensorError
        from transformers import AutoConfig, AutoModelForCTC, AutoModelForSpeechSeq2Seq, AutoProcessor
    except ImportError:
        raise SetupError("Transcription needs the library transformers.", do="pip install 'treeline[audio]'") from None
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        with hushed():
            pairs = bool(AutoConfig.from_pretrained(folder, **safe).is_encoder_decoder)
            kind = AutoModelForSpeechSeq2Seq if pairs else AutoModelForCTC
            model, told = kind.from_pretrained(folder, use_safetensors=True, output_loading_info=True, **safe)
            refuse_drawn(told)
            return Speech(model.eval(), AutoProcessor.from_pretrained(folder, **safe), pairs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SetupError(
            f"The folder {shown(folder)} holds no model that turns speech into text: {first[:200]}",
            do="Give --pretrained a Whisper-style or CTC model saved by save_pretrained, weights as safetensors.",
        ) from None


@dataclass(frozen=True, slots=True)
class Speech:
    """A loaded model."""

    model: Any
    processor: Any
    writes: bool
    "Whether it writes token by token (Radford et al.: Whisper, ICML 2023) or labels frames (Graves et al.: CTC, ICML 2006)."

    @property
    def batch(self) -> int:
        """Clips at once: frames of CTC models are as many as the clip has, so these hear one by one."""
        return BATCH if self.writes else 1

    def __call__(self, raw: Array) -> list[str]:
        """Return what is said in clips (k, T) int16, mono, `SOUND_HZ`, padded with zeros; greedily decoded."""
        import torch

        waves = [ended(wave) for wave in raw]
        inputs = self.processor.feature_extractor(waves, sampling_rate=SOUND_HZ, return_tensors="pt")
        with hushed(), torch.inference_mode():
            if not self.writes:
                tokens: Any = self.model(**inputs).logits.argmax(dim=-1)
            else:
                most = min(WORDY, int(getattr(self.model.config, "max_target_positions", WORDY)) - BATCH)
                tokens = self.model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=most)
        found: Sequence[str] = self.processor.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(one.split()) for one in found]
