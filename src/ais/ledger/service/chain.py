"""The books' hash chain: written behind the sale, walked by whoever doubts it, its head signed and sent away."""

from __future__ import annotations

from ais.ledger.repository.chain import CHAIN

chain_everything = CHAIN.extend_to_the_end
chain_status = CHAIN.status
count_unchained = CHAIN.count_unchained
extend_chain = CHAIN.extend
last_head = CHAIN.last_head
last_link = CHAIN.last_link
sign_head = CHAIN.sign_head
verify_chain = CHAIN.verify
walk_chain = CHAIN.walk
