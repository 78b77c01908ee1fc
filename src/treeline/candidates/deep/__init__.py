"""The deep side: small networks for tables, all trained by `loop.train`.

A network is a frozen description with two functions: `init` draws its weights, `forward` computes it. `forward` is written
once over an arithmetic (`ops`), torch for training and numpy for predicting, so a delivered network needs no torch.
Every weight has a leading dimension M: M members (one per fold) are trained at once. No second training loop may live here.
"""
