/** What is right in `tls`, of an API and of an issuer's keys. Certificates, keys and names are looked at when the worker starts, and not shown. */
import { z } from 'zod';
import { isSetting } from '../setting.ts';

const textOrSetting = z.unknown().superRefine((value, context) => {
  const isText = typeof value === 'string' || isSetting(value);
  if (!isText) context.addIssue({ code: 'custom', message: 'must be a text or a setting' });
});

export const tlsSchema = z.strictObject({
  ca: z.unknown().optional(),
  cert: textOrSetting.optional(),
  key: z.unknown().optional(),
  pins: z.array(textOrSetting).min(1).optional(),
  servername: textOrSetting.optional(),
});
