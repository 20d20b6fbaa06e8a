"""Payment service providers behind the port :class:`ais.payments.ports.PaymentGateway`."""
