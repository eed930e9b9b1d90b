/** True once something has lasted longer than a glance: what is loading is shown only then. */
'use client'

import { useEffect, useState } from 'react'

const GLANCE_MS = 300

export function useLate(isGoing: boolean): boolean {
  const [isLate, setLate] = useState(false)
  useEffect(() => {
    if (!isGoing) return
    const timer = setTimeout(() => setLate(true), GLANCE_MS)
    return () => {
      clearTimeout(timer)
      setLate(false)
    }
  }, [isGoing])
  return isGoing && isLate
}
