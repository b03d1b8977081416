/**
 * The demo accounts (PF-12b): each subgraph seeds its own part of them under these ids, without asking another. Only on embedded servers, or with
 * SEED_DEMO=1.
 */
export const DEMO_ACCOUNTS = {
  customer: { id: '01900000-0000-7000-8000-000000000001', email: 'customer@demo.test', name: 'Mona Customer', role: 'CUSTOMER' },
  customer2: { id: '01900000-0000-7000-8000-000000000002', email: 'customer2@demo.test', name: 'Karim Customer', role: 'CUSTOMER' },
  driver: { id: '01900000-0000-7000-8000-000000000003', email: 'driver@demo.test', name: 'Hassan Driver', role: 'DRIVER' },
  driver2: { id: '01900000-0000-7000-8000-000000000004', email: 'driver2@demo.test', name: 'Laila Driver', role: 'DRIVER' },
  admin: { id: '01900000-0000-7000-8000-000000000005', email: 'admin@demo.test', name: 'Nour Admin', role: 'ADMIN' },
} as const;

export const DEMO_PASSWORD = 'Waygraph1';
