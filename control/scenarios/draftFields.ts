import { z } from 'zod';

/** Fields that several parts of a draft have in common. */
export const host = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/)
  .max(253);
export const port = z.int().min(1).max(65_535);
export const name = z.string().trim().min(1).max(80);
/** vSphere forbids these in names of inventory objects. */
export const vmName = name.regex(/^[^%/\\]+$/);
export const userName = z.string().min(1).max(256);
export const secretName = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);
export const certificateSha256 = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{64}$/));
