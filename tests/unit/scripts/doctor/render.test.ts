import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ok, problem, warning } from '../../../../scripts/doctor/finding.ts'
import { blotOut, judge, renderJson, renderText } from '../../../../scripts/doctor/render.ts'

const good = { id: 'node', title: 'Node', findings: [ok('24 runs Berth')] }
const doubtful = { id: 'file-watching', title: 'File watching', findings: [ok('some'), warning('few', 'Do this.')] }
const bad = { id: 'model', title: 'Model', findings: [problem('no key', 'Get one.', 'there is no model key')] }
const silent = { id: 'image', title: 'Agent image', findings: [] }

describe('renderText', () => {
  it('is aligned, without colour and in ASCII for what is no terminal, and ends with the verdict', () => {
    expect(renderText([good, silent, doubtful, bad], false)).toBe(
      [
        '+ ok       Node           24 runs Berth',
        '+ ok       File watching  some',
        '! warning  File watching  few',
        '                          -> Do this.',
        'x problem  Model          no key',
        '                          -> Get one.',
        '',
        'The main job cannot run: there is no model key. 1 warning above.',
        '',
      ].join('\n'),
    )
    expect(renderText([good], false)).toMatch(/\n\nThe main job can run\.\n$/)
    expect(renderText([good, doubtful, doubtful], false)).toMatch(/The main job can run\. 2 warnings above\.\n$/)
  })

  it('has colour on a terminal, and the same words', () => {
    const coloured = renderText([good, doubtful, bad], true)
    expect(coloured).not.toBe(stripVTControlCharacters(coloured))
    expect(stripVTControlCharacters(coloured)).toBe(renderText([good, doubtful, bad], false))
  })
})

describe('judge and renderJson', () => {
  it('name every reason once', () => {
    expect(judge([good, doubtful])).toEqual({ canRun: true, because: [] })
    expect(judge([bad, bad])).toEqual({ canRun: false, because: ['there is no model key'] })
  })

  it('give a program the verdict and each finding with its check', () => {
    expect(JSON.parse(renderJson([good, bad]))).toEqual({
      canRun: false,
      because: ['there is no model key'],
      findings: [
        { check: 'node', severity: 'ok', found: '24 runs Berth' },
        {
          check: 'model',
          severity: 'problem',
          found: 'no key',
          advice: 'Get one.',
          because: 'there is no model key',
        },
      ],
    })
  })
})

describe('blotOut', () => {
  it('takes out every secret, also as a URL or JSON has it, and no ordinary word', () => {
    const secrets = ['sk-or-v1-1234567890', 'p@ss"word/12', '', 'ada']
    const text = `key sk-or-v1-1234567890, ${encodeURIComponent('p@ss"word/12')}, ${JSON.stringify('p@ss"word/12')}, ada`
    expect(blotOut(text, secrets)).toBe('key (hidden), (hidden), "(hidden)", ada')
  })
})
