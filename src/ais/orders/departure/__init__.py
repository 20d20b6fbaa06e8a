"""Closing a departure from a list: who flew, who did not come.

Each coupon on the flight ends as flown or no-show, whatever list is given however often; the order is completed when
none of its coupons can be flown any more.
"""
