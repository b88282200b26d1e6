#!/usr/bin/env python3
"""The peers work as the other tests expect: Dovecot and Postfix in clear, without postern.

Where this fails, the failures of the other files say nothing about postern.
"""
import harness
from harness import Dovecot, Postfix, login_imap, login_pop3, login_smtp

MESSAGE = "From: bert@example.test\r\nTo: anna@example.test\r\nSubject: {}\r\n\r\nHello\r\n"


class Peers(harness.TestCase):
    @classmethod
    def arrange(cls):
        cls.dovecot = cls.room.enter(Dovecot(cls.room))

    def test_imap_takes_a_login_in_clear(self):
        client = login_imap(self.room, self.dovecot.imap_port, "none")
        self.assertEqual(client.select()[0], "OK")
        self.assertNotIn("STARTTLS", client.capabilities)
        client.logout()

    def test_pop3_takes_a_login_in_clear(self):
        client = login_pop3(self.room, self.dovecot.pop3_port, "none")
        self.assertTrue(client.stat()[0] >= 0)
        client.quit()

    def test_submitted_mail_is_delivered(self):
        postfix = self.room.enter(Postfix(self.room, self.dovecot))
        client = login_smtp(self.room, postfix.port, "none")
        self.assertNotIn("starttls", client.esmtp_features)
        client.sendmail("bert@example.test", ["anna@example.test"], MESSAGE.format("one"))
        client.quit()
        harness.until(lambda: len(self.dovecot.messages()) == 1, "the mail arrives")


if __name__ == "__main__":
    harness.main()
