"""The wiring of WhatsApp: where Evolution, n8n and Chatwoot find one another.

Evolution hands a customer's message to n8n, whose workflow `inbound` posts it to Chatwoot; Chatwoot
hands an agent's reply to n8n, whose workflow `replies` has Evolution send it.
"""

INBOUND_URL = "http://n8n:5678/webhook/whatsapp-inbound"
REPLY_URL = "http://caddy:8090/webhook/whatsapp-replies-to-check"
"""Where Chatwoot hands events: through Caddy, which keeps those that are no reply away from n8n.
Logs show addresses, so this one holds no secret: n8n asks Chatwoot before it believes an event."""
