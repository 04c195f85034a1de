import { integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core';

/** The table `users`, as the migrations of batch/ create it. */
export const users = pgTable('users', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  email: text().notNull().unique(),
  name: text().notNull(),
  role: text({ enum: ['admin', 'member', 'viewer'] }).notNull(),
  department: text().notNull().default(''),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
  updatedBy: text('updated_by').notNull(),
});

export type User = typeof users.$inferSelect;
