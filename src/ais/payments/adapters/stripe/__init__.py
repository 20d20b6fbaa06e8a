"""Stripe, by its own SDK: against api.stripe.com or whatever speaks the same API at ``STRIPE_API_BASE``."""

from ais.payments.adapters.stripe.gateway import StripeGateway

__all__ = ["StripeGateway"]
