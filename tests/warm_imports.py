"""What the processes of warm.py find imported. Nothing here may compute: a fork does not take threads along."""

import safetensors.torch  # noqa: F401
import torch.distributed  # noqa: F401
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast  # noqa: F401
from transformers.models.llama import modeling_llama  # noqa: F401
from transformers.models.mixtral import modeling_mixtral  # noqa: F401

import gblm_viz.cli.collect
import gblm_viz.cli.main
import gblm_viz.core.keep.export
import gblm_viz.core.mask.prune
import gblm_viz.core.sums.collect
import gblm_viz.core.sums.statistics  # noqa: F401
