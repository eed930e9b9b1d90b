import { describe, expect, it } from 'vitest'
import { emailAddress } from '../../../../../lib/services/user/email.ts'
import { UNCLAIMED_EMAIL } from '../../../../../lib/services/user/unclaimed-email.ts'

describe('emailAddress', () => {
  it.each([
    'ada@example.com',
    'a@b.c',
    'ada@corp',
    'ada@localhost',
    "o'hara@x.org",
    '_ada+berth@sub.example.museum',
    'a.@x.org',
  ])('takes %s', (address) => {
    expect(emailAddress.safeParse(address)).toMatchObject({ success: true, data: address })
  })

  it.each([
    '',
    'ada',
    '@x.org',
    'ada@',
    'a b@x.org',
    'a\u0000@x.org',
    'a@x..org',
    'a@-x.org',
    `a@${'b.'.repeat(130)}c`,
  ])('refuses %o', (address) => {
    expect(emailAddress.safeParse(address).success).toBe(false)
  })

  it('refuses the one that stands for an owner who has not come yet', () => {
    for (const address of [UNCLAIMED_EMAIL, UNCLAIMED_EMAIL.toUpperCase()]) {
      expect(emailAddress.safeParse(address).success).toBe(false)
    }
  })
})
