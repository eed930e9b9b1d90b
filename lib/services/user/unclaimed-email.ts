/** The owner's address until somebody has used the first link: the place is taken, the person not known. */
export const UNCLAIMED_EMAIL = 'owner@localhost'
