# The invitation of a new agent, as Devise sends it upstream: with the link that confirms the address (facts 7).
class ConfirmationMailer < ActionMailer::Base
  default from: -> { ENV.fetch('MAILER_SENDER_EMAIL', 'Chatwoot <accounts@chatwoot.com>') }

  def confirmation_instructions(user, token)
    @user = user
    @link = "#{ENV.fetch('FRONTEND_URL', '')}/app/auth/confirmation?#{{ confirmation_token: token }.to_query}"
    mail(to: user.email, subject: 'Confirmation Instructions')
  end
end
