# Makes an account with its first user: for sign-up (unconfirmed) and for onboarding (confirmed SuperAdmin), facts 7.
class AccountBuilder
  def initialize(account_name:, user_full_name:, email:, user_password:, confirmed: false, super_admin: false, locale: nil)
    @account = Account.new(name: account_name.presence || email.to_s.split('@').last, locale: locale || ENV['DEFAULT_LOCALE'].presence || 'en')
    @user = User.new(name: user_full_name.presence || email.to_s.split('@').first, email: email, password: user_password,
                     password_confirmation: user_password, type: super_admin ? 'SuperAdmin' : nil)
    @user.skip_confirmation! if confirmed
  end

  def perform
    ActiveRecord::Base.transaction do
      @account.save!
      @user.save!
      AccountUser.create!(account: @account, user: @user, role: :administrator)
    end
    [@user, @account]
  end
end
