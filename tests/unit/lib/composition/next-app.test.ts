import { describe, expect, it } from 'vitest'
import { contentPolicy } from '../../../../lib/composition/next-app.ts'

describe('contentPolicy', () => {
  it('lets only scripts of this page run, and nobody frame it', () => {
    const policy = contentPolicy({ nonce: 'abc', isDevelopment: false })
    expect(policy).toContain("script-src 'self' 'nonce-abc' 'strict-dynamic';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe-eval')
  })
})
