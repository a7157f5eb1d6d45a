# Takes a user into an account. Trap (facts 7): a new one is unconfirmed with a random password and waits for a mail.
class AgentBuilder
  def initialize(account:, inviter:, email:, name: nil, role: nil, availability: nil, auto_offline: nil)
    @account = account
    @email = email
    @name = name.presence || email.to_s.split('@').first
    @place = { inviter: inviter, role: role || :agent, availability: availability || :offline, auto_offline: auto_offline.nil? || auto_offline }
  end

  def perform
    User.transaction do
      user = User.from_email(@email) || User.create!(email: @email, name: @name, password: "1!aA#{SecureRandom.alphanumeric(12)}")
      AccountUser.create!(account: @account, user: user, **@place)
    end
  end
end
