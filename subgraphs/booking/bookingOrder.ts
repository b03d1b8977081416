/** Orders of a customer's bookings: when they were made, or when the car is picked up. */
export const BOOKING_ORDERS = ['NEWEST', 'OLDEST', 'PICKUP_ASC', 'PICKUP_DESC'] as const;
export type BookingOrder = (typeof BOOKING_ORDERS)[number];

/** The moment that an order goes by. */
export const orderedBy = (order: BookingOrder) => (order === 'NEWEST' || order === 'OLDEST' ? 'createdAt' : 'pickupAt');
