import { expect, it } from 'vitest'
import { EmbeddedProblem } from '../../../../../lib/store/embedded/problem.ts'
import { assertUserHasName } from '../../../../../lib/store/embedded/user-name.ts'

it('is content with a user who has a name, as whoever runs the tests', () => {
  expect(() => assertUserHasName()).not.toThrow()
})

it('says what to do for a number without one', () => {
  const nobody = () => {
    throw Object.assign(new Error('uv_os_get_passwd returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' })
  }
  expect(() => assertUserHasName(nobody, 12_345)).toThrow(EmbeddedProblem)
  expect(() => assertUserHasName(nobody, 12_345)).toThrow(
    /^The embedded PostgreSQL .* user 12345 has none here\. Give it one: echo 'berth:x:12345:\d+::\/:\/bin\/sh' .*DATABASE_URL\.$/,
  )
})
