import { only, onlyOwner, type Permissions, signedIn } from '../../platform/permissions.js';
import { ownerOfUser } from './notificationResolvers.js';
import type { User } from './types.js';

const staff = only('ADMIN', 'SUPPORT');

export const inboxPermissions: Permissions = {
  Query: {
    thread: staff,
    threads: staff,
    deliveries: only('ADMIN'),
  },
  Mutation: {
    replyToThread: staff,
    closeThread: staff,
    markThreadRead: staff,
    markNotificationRead: signedIn,
    retryDelivery: only('ADMIN'),
    retryAllDeliveries: only('ADMIN'),
    discardDelivery: only('ADMIN'),
  },
  Subscription: {
    threadUpdated: staff,
    notificationReceived: signedIn,
  },
  User: {
    notifications: onlyOwner<User>(ownerOfUser),
  },
  Booking: {
    thread: staff,
  },
  Trip: {
    thread: staff,
  },
};
