"""Fewer questions that the database asks itself for a sale, none of them weaker.

A price line names its item, order and passenger by one key of the item, which also proves that the item is of that
order and for that passenger; before, three keys proved only that each exists. An item's order and passenger exist by
its own keys. A segment's order exists because its slice does, which names the order too.

The tables of states are asked for moves only: an update that writes a state as it was is none.
"""

from migrations.script import run_sql

revision = "0039"
down_revision = "0038"

UPGRADE = """
ALTER TABLE order_items ADD CONSTRAINT order_items_of_whom UNIQUE (order_id, id, passenger_id);
DROP INDEX order_items_order_id;
ALTER TABLE price_lines ADD CONSTRAINT price_lines_item_fkey FOREIGN KEY (order_id, item_id, passenger_id)
    REFERENCES order_items (order_id, id, passenger_id) NOT VALID;
ALTER TABLE price_lines VALIDATE CONSTRAINT price_lines_item_fkey;
ALTER TABLE price_lines DROP CONSTRAINT price_lines_item_id_fkey, DROP CONSTRAINT price_lines_order_id_fkey,
    DROP CONSTRAINT price_lines_passenger_id_fkey;
ALTER TABLE order_segments DROP CONSTRAINT order_segments_order_id_fkey;

CREATE OR REPLACE TRIGGER approvals_status BEFORE UPDATE OF status ON approvals FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('approval.status', 'status');
CREATE OR REPLACE TRIGGER cancellation_quotes_status BEFORE UPDATE OF status ON cancellation_quotes FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('cancellation_quote.status', 'status');
CREATE OR REPLACE TRIGGER cash_shifts_status BEFORE UPDATE OF status ON cash_shifts FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('cash_shift.status', 'status');
CREATE OR REPLACE TRIGGER coupons_status BEFORE UPDATE OF status ON coupons FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('coupon.status', 'status');
CREATE OR REPLACE TRIGGER disputes_status BEFORE UPDATE OF status ON disputes FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('dispute.status', 'status');
CREATE OR REPLACE TRIGGER documents_status BEFORE UPDATE OF status ON documents FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('document.status', 'status');
CREATE OR REPLACE TRIGGER flight_dates_status BEFORE UPDATE OF status ON flight_dates FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('flight_date.status', 'status');
CREATE OR REPLACE TRIGGER hold_items_state BEFORE UPDATE OF state ON hold_items FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION enforce_transition('hold_item.state', 'state');
CREATE OR REPLACE TRIGGER holds_status BEFORE UPDATE OF status ON holds FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('hold.status', 'status');
CREATE OR REPLACE TRIGGER notices_status BEFORE UPDATE OF status ON notices FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('notice.status', 'status');
CREATE OR REPLACE TRIGGER order_segments_status BEFORE UPDATE OF status ON order_segments FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('order_segment.status', 'status');
CREATE OR REPLACE TRIGGER orders_payment_status BEFORE UPDATE OF payment_status ON orders FOR EACH ROW
    WHEN (OLD.payment_status IS DISTINCT FROM NEW.payment_status)
    EXECUTE FUNCTION enforce_transition('order.payment_status', 'payment_status');
CREATE OR REPLACE TRIGGER orders_status BEFORE UPDATE OF status ON orders FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('order.status', 'status');
CREATE OR REPLACE TRIGGER orders_ticketing_status BEFORE UPDATE OF ticketing_status ON orders FOR EACH ROW
    WHEN (OLD.ticketing_status IS DISTINCT FROM NEW.ticketing_status)
    EXECUTE FUNCTION enforce_transition('order.ticketing_status', 'ticketing_status');
CREATE OR REPLACE TRIGGER payments_status BEFORE UPDATE OF status ON payments FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('payment.status', 'status');
CREATE OR REPLACE TRIGGER provider_events_state BEFORE UPDATE OF state ON provider_events FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION enforce_transition('provider_event.state', 'state');
CREATE OR REPLACE TRIGGER refunds_status BEFORE UPDATE OF status ON refunds FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('refund.status', 'status');
CREATE OR REPLACE TRIGGER users_status BEFORE UPDATE OF status ON users FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION enforce_transition('user.status', 'status');
"""


def upgrade() -> None:
    run_sql(UPGRADE)
